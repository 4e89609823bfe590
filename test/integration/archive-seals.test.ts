import type { PoolClient } from 'pg'
import { expect, onTestFinished, test, vi } from 'vitest'
import { recordProof } from '../../src/store/archives.ts'
import { DAY, NAME } from '../support/archive-day.ts'
import { openArchiveDays } from '../support/archive-fixture.ts'

const ROWS = 300
const { at, pool, ask, drop, places, countRows } = await openArchiveDays(ROWS)

const OPENED = `
select unseal_partition('order_books', '${DAY}');
insert into order_books (id, captured_at, price, size, market_id, outcome_id, side, kind)
values (9 * 65536, '${DAY}T10:00:00Z', 0.5, 1, '7', '7:0', 'bid', 'change');
select seal_partition('order_books', '${DAY}')`

/** Somebody who opens the day, writes a row and seals it again, all in a transaction that is not at its end. */
const openDay = async (): Promise<PoolClient> => {
  const client = await pool.connect()
  onTestFinished(() => client.release())
  await client.query(`begin; ${OPENED}`)
  return client
}

const isAwaited = async (): Promise<boolean> =>
  (
    await ask(`
      select from pg_locks l join pg_database d on d.oid = l.database
      where not l.granted and l.locktype = 'advisory' and d.datname = current_database()`)
  ).length > 0

test('a day that is opened and sealed again while it is being dropped stays, with the row that came', async () => {
  await at.archive.archive(NAME)
  const opener = await openDay()
  const dropping = drop(NAME)
  await vi.waitUntil(isAwaited, { timeout: 20_000, interval: 5 })
  await opener.query('commit')
  expect(await dropping).toMatchObject({ type: 'differs' })
  expect(await countRows()).toBe(ROWS + 1)
  expect(await places()).toEqual([{ part: 0, rows: ROWS, place: 'both' }])
})

test('a day that is opened and sealed again while its proof is written down is not proved', async () => {
  const sealedAt = await at.archive.activities.sealRows(NAME)
  const written = await at.archive.run(at.archive.activities.writePart, { name: NAME, sealedAt, isAnew: false })
  const opener = await openDay()
  const totals = { rows: String(ROWS), checksum: '1', first: '0', last: '1' }
  const recording = recordProof(pool, NAME, {
    ...written,
    totals,
    versions: {},
    sealedAt,
    source: { relation: 'order_books', where: 'true' },
  })
  await vi.waitUntil(isAwaited, { timeout: 20_000, interval: 5 })
  await opener.query('commit')
  expect(await recording).toContain('unsealed')
  expect(await places()).toEqual([])
})
