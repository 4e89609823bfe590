import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { NO_PROGRESS, NOTHING_KEPT } from '../../src/domain/progress.ts'
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
const openRecorder = async ({ pool }: Pick<TestDatabase, 'pool'>) => {
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
  const batchOf = (...days: string[]): Batch => {
    const batch = newBatch()
    for (const day of days) add(batch, ++sequence, day)
    const [expected, lastId] = [`${committed}-0`, `${committed + 1}-0`]
    batch.offsets.set(STREAM, { stream: STREAM, expected, lastId, sequence, progress: NO_PROGRESS, kept: NOTHING_KEPT })
    return batch
  }
  const write = async (batch: Batch): Promise<void> => {
    await commit(batch, signal)
    committed += 1
  }
  const record = (...days: string[]): Promise<void> => write(batchOf(...days))
  const read = async (table: string): Promise<string[]> => {
    const sql = `select to_char(captured_at at time zone 'UTC', 'MM-DD') || ' ' || sequence as text from ${table} order by sequence`
    return (await pool.query<{ text: string }>(sql)).rows.map(({ text }) => text)
  }
  return { record, batchOf, write, read, stats }
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
  await pool.query(`select unseal_partition('order_books', '2026-10-01')`)
  await record('2026-10-01')
  expect(await read('order_books')).toEqual(['10-01 1', '10-02 2', '10-02 3', '10-03 5', '10-01 7'])
  await pool.query(`select seal_partition('order_books', '2026-10-01')`)
  await pool.query(`select drop_partition(table_name, day, sealed_at) from partition_seals`)
  await record('2026-10-01')
  expect(await read('order_books_later')).toEqual(['10-01 4', '10-01 6', '10-01 8'])
  expect((await pool.query('select from dead_letters union all select from feed_gaps')).rowCount).toBe(0)
  expect(stats.read()['rowsLater']).toBe(3)
})

test('rows of a day that was sealed and dropped between two commits are not lost, and are no gap', async () => {
  await using database = await createDatabase()
  const { pool } = database
  const { record, read } = await openRecorder(database)
  await record('2026-10-01')
  await pool.query(`select seal_partition('order_books', '2026-10-01')`)
  await pool.query(`select drop_partition(table_name, day, sealed_at) from partition_seals`)
  await record('2026-10-01', '2026-10-02')
  expect(await read('order_books')).toEqual(['10-02 3'])
  expect(await read('order_books_later')).toEqual(['10-01 2'])
  expect((await pool.query('select from dead_letters union all select from feed_gaps')).rowCount).toBe(0)
})

test('rows of order_books wait where their partition cannot be made, and are committed once it can', async () => {
  await using database = await createDatabase()
  const { batchOf, write, read } = await openRecorder(database)
  await database.pool.query('create table order_books_20261001 ()')
  const batch = batchOf('2026-10-01')
  await expect(write(batch)).rejects.toThrow('it is a table of its own')
  expect((await database.pool.query('select from dead_letters')).rowCount).toBe(0)
  await database.pool.query('drop table order_books_20261001')
  await write(batch)
  expect(await read('order_books')).toEqual(['10-01 1'])
})

test('a table of metrics that gets no partition costs its own rows, which become dead letters, and no row of a book', async () => {
  await using database = await createDatabase()
  const { batchOf, write, read } = await openRecorder(database)
  await database.pool.query('create table derived_metrics_202610 ()')
  const batch = batchOf('2026-10-01')
  const measuredTimeMs = Date.parse('2026-10-01T12:00:00Z')
  const values = [{ type: 'spread', window: '1 minute', text: '0.01' }] as const
  batch.metrics.set('1', { marketId: '1', measuredTimeMs, values: [...values], isAgain: false })
  await write(batch)
  expect(await read('order_books')).toEqual(['10-01 1'])
  const { rows } = await database.pool.query('select reason, detail from dead_letters')
  expect(rows).toMatchObject([{ reason: 'refused_row', detail: expect.stringContaining('no partition of relation') }])
})

test('metrics of the first instant of a month are committed, though all else of their batch is of the month before', async () => {
  await using database = await createDatabase()
  const { batchOf, write } = await openRecorder(database)
  const batch = batchOf('2026-10-31')
  const values = [{ type: 'spread', window: '1 minute', text: '0.01' }] as const
  batch.metrics.set('1', {
    marketId: '1',
    measuredTimeMs: Date.parse('2026-11-01Z'),
    values: [...values],
    isAgain: false,
  })
  await write(batch)
  const { rows } = await database.pool.query<{ table: string }>(
    'select tableoid::regclass::text as table from derived_metrics',
  )
  expect(rows).toEqual([{ table: 'derived_metrics_202611' }])
})

/** The rows of the sealed day of which Postgres refuses sequence 2; `also`: what else it refuses. */
const recordRefused = async ({ pool }: TestDatabase, also = '') => {
  const recorder = await openRecorder({ pool })
  await recorder.record('2026-10-01')
  await pool.query(`select seal_partition('order_books', '2026-10-01')`)
  for (const table of ['order_books', 'order_books_later']) {
    await pool.query(
      `alter table ${table} add constraint unforeseen check ((kind = 'gap' or sequence <> 2) ${also}) not valid`,
    )
  }
  await recorder.record('2026-10-01', '2026-10-01', '2026-10-02')
  const { rows } = await pool.query<{ detail: string }>('select detail from dead_letters order by ordinal desc')
  return { ...recorder, details: rows.map(({ detail }) => detail.replace(/:.*/, '')) }
}

test('an event of a sealed day that Postgres refuses leaves a row of kind gap among those that come later', async () => {
  await using database = await createDatabase()
  const { read, details } = await recordRefused(database)
  expect(await read('order_books')).toEqual(['10-01 1', '10-02 4'])
  expect(await read('order_books_later')).toEqual(['10-01 2', '10-01 3'])
  expect(await read(`order_books_later where kind = 'gap'`)).toEqual(['10-01 2'])
  expect(await read('order_books_later where part is not null')).toEqual([])
  expect(details).toEqual(['order_books'])
  const { rows } = await database.pool.query('select gap_sequence, reason from feed_gaps')
  expect(rows).toEqual([{ gap_sequence: '2', reason: 'refused_row' }])
})

test('a row of kind gap that Postgres refuses too is a dead letter', async () => {
  await using database = await createDatabase()
  const { read, details } = await recordRefused(database, `and kind <> 'gap'`)
  expect(await read('order_books_later')).toEqual(['10-01 3'])
  expect(details).toEqual(['order_books', 'gap of order_books_later'])
})
