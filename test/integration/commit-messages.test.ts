import pg from 'pg'
import { afterEach, expect, test, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import type { Batch } from '../../src/normalizer/batch.ts'
import { createCommitter } from '../../src/store/commit.ts'
import { FenceLost, takeOwnership } from '../../src/store/fence.ts'
import { openOffsets } from '../../src/store/offsets.ts'
import { insertMarket } from '../support/data-trades.ts'
import { offsetBatch } from '../support/offset-batch.ts'
import { createDatabase } from '../support/services.ts'

const TIME_MS = 1_790_000_000_000
const TIME_TEXT = new Date(TIME_MS).toISOString()
const STREAM = 'orderbook:71'
const { signal } = new AbortController()

afterEach(() => void vi.restoreAllMocks())

/** One row of a book, and an offset from one entry to the next. */
const bookBatch = (from: number): Batch => {
  const batch = offsetBatch({ stream: STREAM, expected: `${from}-0`, lastId: `${from + 1}-0`, revision: from + 1 })
  batch.bookLines.push(
    [from * 65_536, TIME_TEXT, TIME_TEXT, '\\N', '0.5', '1', '71', '71:0', 'bid', 'change\n'].join('\t'),
  )
  batch.days.add(Math.floor(TIME_MS / 86_400_000))
  return batch
}

const withFill = (batch: Batch): Batch => {
  const ids = { marketId: '71', outcomeId: '71:0', epoch: 'a', ordinal: 0, transactionHash: '0x1' }
  const amounts = { side: 'buy' as const, priceText: '0.5', sizeText: '1' }
  batch.fills.push({
    ...ids,
    ...amounts,
    capturedTimeMs: TIME_MS,
    exchangeTimeMs: TIME_MS,
    sourceReceivedTimeMs: undefined,
  })
  return batch
}

/** A committer that knows its day already. */
const openCommitter = async (pool: pg.Pool) => {
  await insertMarket(pool, '71', '710')
  await openOffsets(pool, [STREAM])
  const owner = await takeOwnership(pool, 71, 'a test')
  const stats = createStats()
  const log = createLog('normalizer', 'silent')
  const commit = createCommitter({ pool, owner, stats, log, config: readConfig({}) })
  await commit(bookBatch(0), signal)
  return { commit, stats }
}

test('a commit of books is one message to Postgres, one with fills is two', async () => {
  await using database = await createDatabase()
  const { commit } = await openCommitter(database.pool)
  const sent = vi.spyOn(pg.Client.prototype, 'query')
  await commit(bookBatch(1), signal)
  expect(sent).toHaveBeenCalledTimes(1)
  await commit(withFill(bookBatch(2)), signal)
  expect(sent).toHaveBeenCalledTimes(3)
  vi.restoreAllMocks()
  const rows = await database.pool.query('select count(*)::int as count from order_books')
  expect(rows.rows).toEqual([{ count: 3 }])
})

test('offsets that another has moved end a commit as a lost fence, not as rows that Postgres refuses', async () => {
  await using database = await createDatabase()
  const { commit, stats } = await openCommitter(database.pool)
  await database.pool.query(`update ingestion_offsets set last_id = '7-0', writer = 'another'`)
  await expect(commit(bookBatch(1), signal)).rejects.toThrow(FenceLost)
  expect(stats.read()['rowsRefused'] ?? 0).toBe(0)
  const rows = await database.pool.query(`select count(*)::int as count from order_books`)
  expect(rows.rows).toEqual([{ count: 1 }])
  expect((await database.pool.query('select count(*)::int as count from dead_letters')).rows).toEqual([{ count: 0 }])
})
