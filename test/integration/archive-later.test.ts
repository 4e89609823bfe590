import { expect, test } from 'vitest'
import type { ArchiveDeps } from '../../src/activities/archive-deps.ts'
import { createArchiveActivities } from '../../src/activities/archive.ts'
import { ORDER_BOOKS } from '../../src/archive/tables.ts'
import { recordProof, rowSource } from '../../src/store/archives.ts'
import { DAY, fillLater, NAME } from '../support/archive-day.ts'
import { openArchiveDays } from '../support/archive-fixture.ts'

const ROWS = 300
const LATER = { ...NAME, part: 1 }
const { at, pool, ask, drop, plan, places, countRows } = await openArchiveDays(ROWS)

test('rows that come while a part is proved become the next part: nobody gives them the number of the one at work', async () => {
  await at.archive.archive(NAME)
  await drop(NAME)
  await fillLater(pool, [1, 2, 3])
  const { activities, run, deps } = at.archive
  const sealedAt = await activities.sealRows(LATER)
  const written = await run(activities.writePart, { name: LATER, sealedAt, isAnew: false })
  let isFirst = true
  const get: ArchiveDeps['store']['get'] = async (...given) => {
    if (isFirst) await fillLater(pool, [4, 5])
    isFirst = false
    await expect(activities.sealRows(LATER)).rejects.toThrow('another run is at')
    return deps.store.get(...given)
  }
  const { provePart } = createArchiveActivities({ ...deps, store: { ...deps.store, get } })
  expect(await run(provePart, { name: LATER, written, sealedAt })).toEqual({ type: 'done' })
  await activities.sealRows(LATER)
  expect(await drop(LATER)).toEqual({ type: 'done' })
  expect(await plan(DAY)).toEqual([{ ...LATER, part: 2, type: 'write' }])
  expect(await countRows('order_books_later where part is null')).toBe(2)
})

test('a part that has more rows by the time its proof is written down is not proved, and then is with all of them', async () => {
  await at.archive.archive(NAME)
  await fillLater(pool, [1, 2, 3])
  const { activities, run } = at.archive
  const sealedAt = await activities.sealRows(LATER)
  const written = await run(activities.writePart, { name: LATER, sealedAt, isAnew: false })
  await fillLater(pool, [4, 5])
  await ask('update order_books_later set part = 1')
  const source = await rowSource(pool, LATER, ORDER_BOOKS)
  const totals = { rows: '3', checksum: '1', first: '0', last: '1' }
  const recorded = recordProof(pool, LATER, { ...written, totals, versions: {}, sealedAt, source })
  expect(await recorded).toContain('rows came')
  expect(await at.archive.archive(LATER, { isAnew: true })).toEqual({ type: 'done' })
  expect(await places()).toEqual([
    { part: 0, rows: ROWS, place: 'both' },
    { part: 1, rows: 5, place: 'both' },
  ])
})
