import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import type { Batch, FillRow } from '../../src/normalizer/batch.ts'
import { createCommitter } from '../../src/store/commit.ts'
import { takeOwnership } from '../../src/store/fence.ts'
import { openOffsets } from '../../src/store/offsets.ts'
import { insertMarket, scanRows } from '../support/data-trades.ts'
import { offsetBatch } from '../support/offset-batch.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const STORED = 20_000
const TIME_MS = 1_790_000_000_000
const STREAM = 'orderbook:71'

let database: TestDatabase
/** One connection: it tells its own figures at once. */
let pool: pg.Pool

const fill = `insert into fills (market_id, outcome_id, side, price, size, tx_hash, ordinal, source, captured_at, source_ts)
  select '71', '71:0', 'buy', 0.5, n, case n % 2 when 0 then '0x' || n end, 0, 'market_channel', to_timestamp(n), to_timestamp(n)
  from generate_series(1, ${STORED}) n`
const buckets = `insert into metric_buckets (market_id, step_ms, started_at, slots)
  select n::text, 10000, to_timestamp(n), '{}' from generate_series(1, ${STORED}) n`
const checkpoints = `insert into book_checkpoints (outcome_id, sequence, market_id, stream_id, epoch, ordinal, captured_at,
    tick_size, depth, bids, asks, resume)
  select n || ':0', n, n::text, '1-0', 'a', 1, to_timestamp(n), '0.01', 0, '[]', '[]', '{}' from generate_series(1, ${STORED}) n`
const outcomes = `insert into outcomes (outcome_id, market_id, name, tokens)
  select '71:' || n, '71', 'one', 'token ' || n from generate_series(1, ${STORED}) n`

beforeAll(async () => {
  database = await createDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 1 })
  await insertMarket(pool, '71', '710')
  for (const insert of [fill, buckets, checkpoints, outcomes]) await pool.query(insert)
  await pool.query('analyze')
})
afterAll(async () => {
  await pool.end()
  await database[Symbol.asyncDispose]()
})

const fillRow = (sizeText: string, transactionHash: string | undefined): FillRow => ({
  marketId: '71',
  outcomeId: '71:0',
  side: 'buy',
  priceText: '0.5',
  sizeText,
  transactionHash,
  capturedTimeMs: TIME_MS,
  exchangeTimeMs: TIME_MS,
  sourceReceivedTimeMs: undefined,
  ordinal: 0,
  epoch: 'a',
})

/** What each commit of a busy market brings: fills of both kinds, trades of the Data API, buckets that closed. */
const busyBatch = (): Batch => {
  const batch = offsetBatch({ stream: STREAM, expected: '0-0', lastId: '1-0', revision: 1 })
  batch.fills.push(fillRow('2', '0x2'), fillRow('30000', '0x30000'), fillRow('3', undefined))
  const trade = { price: '0.5', size: '4', side: 'BUY', hash: '0x4', timeMs: TIME_MS }
  batch.trades.push(...scanRows('710', [trade], TIME_MS))
  const slots = { layout: '', packed: '' }
  const bucket = { marketId: '71', stepMs: 10_000, startTimeMs: TIME_MS, slots, opening: undefined }
  batch.metricBuckets.set('71', { ...bucket, usefulFromTimeMs: 0 })
  return batch
}

const readWhole = async (): Promise<number> => {
  await pool.query('select pg_stat_force_next_flush()')
  await pool.query('select pg_stat_clear_snapshot()')
  const sql = 'select sum(seq_tup_read)::int as rows from pg_stat_user_tables'
  return (await pool.query<{ rows: number }>(sql)).rows[0]?.rows ?? 0
}

test('a commit looks up what it needs by keys, and reads no table whole', async () => {
  const owner = await takeOwnership(pool, 71, 'a test')
  const log = createLog('normalizer', 'silent')
  const commit = createCommitter({ pool, owner, stats: createStats(), log, config: readConfig({}) })
  await openOffsets(pool, [STREAM])
  const before = await readWhole()
  await commit(busyBatch(), new AbortController().signal)
  expect((await readWhole()) - before).toBeLessThan(100)
  const { rows } = await pool.query<{ n: number }>(`select count(*)::int as n from fills`)
  expect(rows[0]?.n).toBe(STORED + 2)
})
