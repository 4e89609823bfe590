import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createImportTurns } from '../../src/activities/import-turns.ts'
import { withClient } from '../../src/store/checkout.ts'
import { unreadIn } from '../../src/stream/waiting.ts'
import { runPmxt } from '../support/import-run.ts'
import { addMarket, look, namesOf, rowsOf } from '../support/imported-market.ts'
import { openStores } from '../support/normalizer-stores.ts'
import { writePmxt, type PmxtSeen } from '../support/pmxt-file.ts'

const HOUR = Date.parse('2026-04-20T13:00:00Z')

const { database, redis, addresses } = await openStores()
const folder = await mkdtemp(join(tmpdir(), 'polytape-turns-'))
const scarce = new pg.Pool({ connectionString: addresses.databaseUrl, max: 1, connectionTimeoutMillis: 20_000 })
scarce.on('error', () => undefined)
afterAll(async () => {
  await scarce.end()
  await rm(folder, { recursive: true })
})

const path = join(folder, 'hour.parquet')
const importFile = (pool: pg.Pool, importId: string) =>
  runPmxt({ pool, hasUnread: unreadIn(redis) }, folder, { origin: path, importId })

test('an import needs one connection, and gives it back at once where another one writes the market', async () => {
  await addMarket(database.pool, '20')
  const times = { receivedTimeMs: HOUR + 1_000, venueTimeMs: HOUR + 990 }
  await writePmxt(path, 'v2', [{ ...namesOf('20:0'), ...times, type: 'book', bids: [['0.4', '10']], asks: [] }])
  await withClient(database.pool, async (client) => {
    await client.query('begin')
    await client.query(`select pg_advisory_xact_lock(hashtext('imports'), hashtext('20'))`)
    const refused = { message: 'waits for its turn: another import writes market 20' }
    await expect(importFile(scarce, 'first')).rejects.toMatchObject(refused)
    expect(scarce.idleCount).toBe(1)
    await client.query('rollback')
  })
  expect(await importFile(scarce, 'second')).toMatchObject({ written: 1 })
})

test('an import that fills the beginning of an hour numbers its events beyond those of the rest', async () => {
  await addMarket(database.pool, '21')
  const at = (minute: number) => ({ ...namesOf('21:0'), receivedTimeMs: HOUR + minute * 60_000, venueTimeMs: HOUR + minute * 60_000 }) // prettier-ignore
  const book = (minute: number): PmxtSeen => ({ ...at(minute), type: 'book', bids: [['0.4', '10'], ['0.3', '5']], asks: [] }) // prettier-ignore
  const change = (minute: number): PmxtSeen => ({ ...at(minute), type: 'change', side: 'BUY', price: '0.41', size: String(minute) }) // prettier-ignore
  await writePmxt(path, 'v2', [change(30), book(30), change(40), change(50)])
  expect(await importFile(database.pool, 'rest')).toMatchObject({ written: 4 })
  await writePmxt(path, 'v2', [change(10), book(10), change(20), change(35)])
  expect(await importFile(database.pool, 'beginning')).toMatchObject({ written: 3 })
  const rows = await rowsOf(database.pool, '21:0')
  expect(new Set(rows.map(({ id }) => id)).size).toBe(7)
  const sequences = rows.map(({ sequence }) => Number(sequence))
  expect(sequences.slice(0, 3).every((one) => one > Math.max(...sequences.slice(3)))).toBe(true)
  const looks = await look(
    database.pool,
    '21:0',
    [9, 20, 29, 30, 40].map((minute) => HOUR + minute * 60_000),
  )
  expect(looks.map(({ state, levels }) => [state, levels.length])).toEqual([['missing', 0], ['imported', 3], ['imported', 3], ['imported', 2], ['imported', 3]]) // prettier-ignore
})

test('two imports work at once, a third is told to come again, and has its turn when one has ended or failed', async () => {
  const inTurn = createImportTurns()
  let failFirst = (): void => undefined
  let endSecond = (): void => undefined
  const first = new Promise<void>((_, reject) => (failFirst = () => reject(new Error('failed'))))
  const second = new Promise<void>((resolve) => (endSecond = resolve))
  const running = [inTurn(() => first), inTurn(() => second)]
  const third = () => inTurn(() => Promise.resolve('done'))
  const refused = { nonRetryable: false, message: expect.stringContaining('waits for its turn') }
  await expect(third()).rejects.toMatchObject(refused)
  failFirst()
  await expect(running[0]).rejects.toThrow('failed')
  expect(await third()).toBe('done')
  endSecond()
  await running[1]
})
