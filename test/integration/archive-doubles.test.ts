import { expect, test } from 'vitest'
import { DAY, fillLater, NAME } from '../support/archive-day.ts'
import { openArchiveDays } from '../support/archive-fixture.ts'

const ROWS = 300
const FIRST = { ...NAME, part: 1 }
const SECOND = { ...NAME, part: 2 }
const { at, pool, ask, keyOf, drop, places, countRows } = await openArchiveDays(ROWS)

const copyLater = async (count: number): Promise<void> => {
  await ask(`
    insert into order_books_later (id, captured_at, price, size, market_id, outcome_id, side, kind)
    select id, captured_at, price, size, market_id, outcome_id, side, kind from order_books limit ${count}`)
}
const restore = () => at.archive.run(at.archive.activities.restoreDay, { table: 'order_books', day: DAY })

test('later rows with keys of rows of the day are not proved, whether those are in Postgres or in an object', async () => {
  await at.archive.archive(NAME)
  await copyLater(2)
  const inPartition = await at.archive.archive(FIRST)
  expect(inPartition).toMatchObject({ type: 'differs', detail: expect.stringContaining('in order_books: 1') })
  await drop(NAME)
  const inObject = await at.archive.archive(FIRST)
  expect(inObject).toMatchObject({ type: 'differs', detail: expect.stringContaining(`in ${keyOf(0)}: 1`) })
  expect(await places()).toEqual([{ part: 0, rows: ROWS, place: 'object' }])

  await ask('truncate order_books_later')
  await fillLater(pool, [1, 2, 3])
  expect(await at.archive.archive(FIRST, { isAnew: true })).toEqual({ type: 'done' })
  await drop(FIRST)
  await fillLater(pool, [3, 4])
  const again = await at.archive.archive(SECOND)
  expect(again).toMatchObject({ type: 'differs', detail: expect.stringContaining(`in ${keyOf(1)}: 7:0`) })
  await ask('delete from order_books_later where id = 3')
  expect(await at.archive.archive(SECOND, { isAnew: true })).toEqual({ type: 'done' })
  await drop(SECOND)
  expect(await restore()).toEqual({ rows: ROWS + 4, parts: 3 })
})

test('a restore that finds rows twice in the objects of a day says which, at once', async () => {
  await at.archive.archive(NAME)
  await drop(NAME)
  await fillLater(pool, [1])
  await at.archive.archive(FIRST)
  await drop(FIRST)
  // As if both objects held the same row, which no proof lets pass.
  const { deps } = at.archive
  const path = deps.store.localPath?.(keyOf(1)) ?? ''
  const { bytes, sha256 } = await deps.store.get(keyOf(0), path)
  await pool.query('update archives set sha256 = $1, bytes = $2, rows = $3 where part = 1', [sha256, bytes, ROWS])
  await expect(restore()).rejects.toMatchObject({
    nonRetryable: true,
    type: 'archive_doubles',
    message: expect.stringContaining('Key (outcome_id, captured_at, id)=('),
  })
  expect(await countRows()).toBe(0)
})
