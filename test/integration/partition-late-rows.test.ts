import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { NO_PROGRESS } from '../../src/domain/progress.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'
import { addBookRows } from '../../src/normalizer/book-row.ts'
import { createCommitter } from '../../src/store/commit.ts'
import { takeOwnership } from '../../src/store/fence.ts'
import { openOffsets } from '../../src/store/offsets.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const { signal } = new AbortController()
const STREAM = 'orderbook:1'

/** Commits rows of market 1, a sequence after the other, each at noon of a day. */
const openRecorder = async ({ pool }: TestDatabase) => {
  const owner = await takeOwnership(pool, 1, 'a test')
  const stats = createStats()
  const commit = createCommitter({ pool, owner, stats, log: createLog('normalizer', 'silent'), config: readConfig({}) })
  await openOffsets(pool, [STREAM])
  let committed = 0
  const add = (batch: Batch, sequence: number, day: string): void =>
    addBookRows(
      batch,
      {
        marketId: '1',
        outcomeId: '1:0',
        sequence,
        kind: 'change',
        capturedTimeMs: Date.parse(`${day}T12:00:00Z`),
        exchangeTimeMs: undefined,
        sourceReceivedTimeMs: undefined,
      },
      [{ side: 'bid', priceText: '0.5', sizeText: '1' }],
    )
  let sequence = 0
  const record = async (...days: string[]): Promise<void> => {
    const batch = newBatch()
    for (const day of days) add(batch, ++sequence, day)
    const [expected, lastId] = [`${committed}-0`, `${++committed}-0`]
    batch.offsets.set(STREAM, { stream: STREAM, expected, lastId, sequence, progress: NO_PROGRESS })
    await commit(batch, signal)
  }
  const read = async (table: string): Promise<string[]> => {
    const sql = `select to_char(captured_at at time zone 'UTC', 'MM-DD') || ' ' || sequence as text from ${table} order by sequence`
    return (await pool.query<{ text: string }>(sql)).rows.map(({ text }) => text)
  }
  return { record, read, stats }
}

test('rows of a day whose partition nobody made in time are committed: the commit makes it', async () => {
  await using database = await createDatabase()
  const { record, read, stats } = await openRecorder(database)
  await record('2026-10-01')
  await record('2026-10-11', '2026-11-30')
  expect(await read('order_books')).toEqual(['10-01 1', '10-11 2', '11-30 3'])
  expect(stats.read()['deadLetters']).toBe(0)
})

test('a partition that was dropped under a recorder, and not archived, is made again with the next rows', async () => {
  await using database = await createDatabase()
  const { record, read } = await openRecorder(database)
  await record('2026-10-01')
  await database.pool.query('drop table order_books_20261001')
  await record('2026-10-01')
  expect(await read('order_books')).toEqual(['10-01 2'])
  expect((await database.pool.query('select from dead_letters')).rowCount).toBe(0)
})

test('rows of a day that was sealed go to order_books_later, those of other days where they belong', async () => {
  await using database = await createDatabase()
  const { pool } = database
  const { record, read, stats } = await openRecorder(database)
  await record('2026-10-01', '2026-10-02')
  await pool.query(`select seal_partition('order_books', '2026-10-01')`)
  await record('2026-10-02', '2026-10-01', '2026-10-03')
  await record('2026-10-01')
  expect(await read('order_books')).toEqual(['10-01 1', '10-02 2', '10-02 3', '10-03 5'])
  expect(await read('order_books_later')).toEqual(['10-01 4', '10-01 6'])
  await pool.query(`select drop_partition('order_books', '2026-10-01')`)
  await record('2026-10-01')
  expect(await read('order_books_later')).toEqual(['10-01 4', '10-01 6', '10-01 7'])
  expect((await pool.query('select from dead_letters union all select from feed_gaps')).rowCount).toBe(0)
  expect(stats.read()['rowsLater']).toBe(3)
})

test('rows of a day that was sealed and dropped between two commits are not lost, and are no gap', async () => {
  await using database = await createDatabase()
  const { pool } = database
  const { record, read } = await openRecorder(database)
  await record('2026-10-01')
  await pool.query(`select seal_partition('order_books', '2026-10-01')`)
  await pool.query(`select drop_partition('order_books', '2026-10-01')`)
  await record('2026-10-01', '2026-10-02')
  expect(await read('order_books')).toEqual(['10-02 3'])
  expect(await read('order_books_later')).toEqual(['10-01 2'])
  expect((await pool.query('select from dead_letters union all select from feed_gaps')).rowCount).toBe(0)
})
