import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createRestoreActivities } from '../../src/activities/archive-restore.ts'
import { DAY, fillDay, fillLater, forgetDay, NAME, openTestArchive, type TestArchive } from '../support/archive-day.ts'
import { flipBit, keyOf, openLook } from '../support/archive-look.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const ROWS = 4_000
const LATER = { ...NAME, part: 1 }

let database: TestDatabase
let archive: TestArchive
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())
beforeEach(async () => {
  await forgetDay(database.pool)
  await fillDay(database.pool, ROWS)
  archive = openTestArchive(database.pool)
  return () => archive[Symbol.asyncDispose]()
})

const { ask, isAttached, manifest, objectPath, totalsOf } = openLook(
  () => database.pool,
  () => archive,
)

test('a restored day is row by row what was archived, later parts included, takes rows again, and can be archived anew', async () => {
  const before = await totalsOf('order_books')
  await archive.archive(NAME)
  await archive.run(archive.activities.dropPart, NAME)
  await fillLater(database.pool, [1, 2, 3])
  await archive.archive(LATER)
  await archive.run(archive.activities.dropPart, LATER)
  const restored = await archive.run(archive.activities.restoreDay, { table: 'order_books', day: DAY })
  expect(restored).toEqual({ rows: ROWS + 3, parts: 2 })
  expect(await totalsOf(`order_books where market_id <> '7'`)).toEqual(before)
  expect(await manifest()).toEqual([])
  const again = await archive.run(archive.activities.restoreDay, { table: 'order_books', day: DAY })
  expect(again).toEqual({ rows: 0, parts: 0 })

  const at = '2027-01-01T00:00:00Z'
  expect(await archive.run(archive.activities.planArchive, { at, day: undefined })).toEqual([])
  expect(await archive.run(archive.activities.planArchive, { at, day: DAY })).toEqual([{ ...NAME, type: 'write' }])
  expect(await archive.archive(NAME)).toEqual({ type: 'done' })
  expect((await manifest()).map(({ part, rows }) => [part, rows])).toEqual([[0, ROWS + 3]])
  expect(await archive.deps.store.head(keyOf(1))).toBeUndefined()
})

test('an object that was damaged is not restored: the day stays in the archive', async () => {
  await archive.archive(NAME)
  await archive.run(archive.activities.dropPart, NAME)
  await flipBit(objectPath(keyOf(0)), 1_000)
  const restoring = archive.run(archive.activities.restoreDay, { table: 'order_books', day: DAY })
  await expect(restoring).rejects.toThrow('SHA-256')
  expect(await isAttached()).toBe(false)
  expect((await manifest())[0]).toMatchObject({ isDropped: true })
})

/** What others do between the first download of a restore and its end. */
const restoreWhile = async (meanwhile: () => Promise<void>): Promise<{ rows: number; parts: number }> => {
  const { deps } = archive
  let isFirst = true
  const get: typeof deps.store.get = async (...given) => {
    const got = await deps.store.get(...given)
    if (isFirst) await meanwhile()
    isFirst = false
    return got
  }
  const { restoreDay } = createRestoreActivities({ ...deps, store: { ...deps.store, get } })
  return archive.run(restoreDay, { table: 'order_books', day: DAY })
}

test('no part of a day is dropped while the day is restored, and what is dropped later is restored by the next one', async () => {
  await archive.archive(NAME)
  await archive.run(archive.activities.dropPart, NAME)
  await fillLater(database.pool, [1, 2, 3])
  await archive.archive(LATER)
  const restored = await restoreWhile(() =>
    expect(archive.run(archive.activities.dropPart, LATER)).rejects.toThrow('another run is at'),
  )
  expect(restored).toEqual({ rows: ROWS, parts: 1 })
  expect(await ask('select from order_books_later')).toHaveLength(3)
  await archive.run(archive.activities.dropPart, LATER)
  await archive.archive(NAME)
  await archive.run(archive.activities.dropPart, NAME)
  expect(await archive.deps.store.head(keyOf(1))).toBeDefined()
  const again = await archive.run(archive.activities.restoreDay, { table: 'order_books', day: DAY })
  expect(again).toEqual({ rows: ROWS + 3, parts: 2 })
})

test('a restore that loaded other objects than the manifest names by its end attaches nothing', async () => {
  await archive.archive(NAME)
  await archive.run(archive.activities.dropPart, NAME)
  await fillLater(database.pool, [1, 2, 3])
  await archive.archive(LATER)
  const restoring = restoreWhile(async () => {
    await ask(
      'with gone as (delete from order_books_later) update archives set dropped_at = clock_timestamp() where part = 1',
    )
  })
  await expect(restoring).rejects.toThrow('to be loaded')
  expect(await isAttached()).toBe(false)
  expect((await manifest()).map(({ part, isDropped }) => [part, isDropped])).toEqual([
    [0, true],
    [1, true],
  ])
  expect(await archive.run(archive.activities.restoreDay, { table: 'order_books', day: DAY })).toEqual({
    rows: ROWS + 3,
    parts: 2,
  })
})
