import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { MARKETS_STREAM } from '../../src/domain/keys.ts'
import { createAppender, createEpoch } from '../../src/stream/append.ts'
import { encodeEntry } from '../../src/stream/entry.ts'
import { createFlow, gammaText, outcomesOf, signing, tokensOf, type Flow } from '../support/normalizer-flow.ts'
import { bookOfRows, sequencesOf } from '../support/normalizer-rows.ts'
import {
  close,
  committed,
  expectExact,
  readRows,
  startShard,
  until,
  type RunningShard,
} from '../support/normalizer-shard.ts'
import { createDatabase, openRedis } from '../support/services.ts'

const CLOSE_AFTER_MS = 1_000

const openCount = (shard: RunningShard): number | undefined => shard.stats.read()['tapesOpen']
const closedCount = (shard: RunningShard): number => shard.stats.read()['tapesClosed'] ?? 0
const firstOpenCount = async (shard: RunningShard): Promise<number | undefined> => {
  await until('the shard is at its offsets', () => openCount(shard) !== undefined)
  return openCount(shard)
}
const untilClosed = (shard: RunningShard, count: number) =>
  until(`${count} tapes are closed`, () => closedCount(shard) === count)
const stops = (marketId: string, count: number) =>
  Array.from({ length: count }, () =>
    outcomesOf(marketId).map((outcome_id) => ({ outcome_id, reason: 'stopped', open: false })),
  ).flat()

/** Stores of a test's own: what these tests do is to wait, and they wait at the same time. */
const openBench = async () => {
  const [server, database] = await Promise.all([openRedis(), createDatabase()])
  const redis = server.connect()
  const tables = { redis, pool: database.pool }
  const addresses = { redisUrl: server.url, databaseUrl: database.url }
  const start = (): RunningShard => startShard(addresses, 0, { CLOSE_ENDED_AFTER_MS: String(CLOSE_AFTER_MS) })
  const record = async (flow: Flow, marketId: string): Promise<void> => {
    await flow.books(marketId)
    await flow.changes(marketId, 55)
    await committed(tables, `orderbook:${marketId}`)
  }
  return {
    redis,
    tables,
    start,
    record,
    /** Of a shard that only starts. */
    firstOpen: async (): Promise<number | undefined> => {
      await using shard = start()
      return await firstOpenCount(shard)
    },
    resume: async (flow: Flow, marketId: string): Promise<void> => {
      const marker = JSON.stringify({ type: 'subscribed', tokens: tokensOf(marketId) })
      await flow.append(marketId, [['marker', marker]])
      await record(flow, marketId)
    },
    gaps: async (marketId: string) => {
      const sql =
        'select outcome_id, reason, first_good_sequence is null as open from feed_gaps where market_id = $1 order by gap_id'
      return (await database.pool.query<Record<string, unknown>>(sql, [marketId])).rows
    },
    openLiquidity: async (marketId: string) => {
      const sql = `select jsonb_path_query_array(kept::jsonb, '$.liquidity.outcomes[*].spans') as open from ingestion_offsets where stream = $1`
      return (await database.pool.query<{ open: unknown[] }>(sql, [`orderbook:${marketId}`])).rows[0]?.open
    },
    resolve: async (marketId: string): Promise<void> => {
      const message = { event_type: 'market_resolved', id: marketId, winning_asset_id: tokensOf(marketId)[0], timestamp: String(Date.now()) } // prettier-ignore
      const frame = { kind: 'websocket' as const, receivedTimeMs: Date.now(), sourceReceivedTimeMs: undefined, text: JSON.stringify(message) } // prettier-ignore
      const appender = createAppender({ redis, signing, shardCount: 1 })
      await appender.append([{ stream: MARKETS_STREAM, epoch: createEpoch(), firstOrdinal: 1, frames: [frame] }])
      await committed(tables, MARKETS_STREAM)
    },
    [Symbol.asyncDispose]: async () => {
      redis.disconnect()
      await Promise.all([close(server), database[Symbol.asyncDispose]()])
    },
  }
}

test.concurrent('a stopped market leaves the memory and a restart does not open it; an active and a paused one stay; each resume goes on where it ended', async () => {
  await using bench = await openBench()
  const { redis, tables, start, record, resume, gaps, openLiquidity } = bench
  const flow = createFlow(redis)
  {
    await using shard = start()
    await flow.catalogue(['81', '82', '83'].map((marketId) => gammaText(marketId)))
    for (const marketId of ['81', '82', '83']) await record(flow, marketId)
    const stoppedTimeMs = Date.now()
    await flow.gap('81', 'stopped')
    await flow.gap('83', 'paused')
    await committed(tables, 'orderbook:81')
    await untilClosed(shard, 1)
    expect(Date.now() - stoppedTimeMs).toBeGreaterThanOrEqual(CLOSE_AFTER_MS)
    await until('its memory is gone', () => openCount(shard) === 2)
    expect(await openLiquidity('81'), 'what was open of its last second is told').toEqual([[], []])
    await until('its stream keeps its last entry', async () => (await redis.xlen('orderbook:81')) === 1)
    const lives = await Promise.all(['81', '82', '83'].map((marketId) => redis.ttl(`quote:${marketId}`)))
    expect(lives[0]).toBeGreaterThan(86_000)
    expect(lives.slice(1)).toEqual([-1, -1])
    await sleep(CLOSE_AFTER_MS + 1_200)
    expect([openCount(shard), closedCount(shard)]).toEqual([2, 1])

    await resume(flow, '81')
    await expectExact(tables, flow, '81')
    expect(await redis.ttl('quote:81')).toBe(-1)
    expect(await gaps('81')).toEqual(stops('81', 1))
    await flow.gap('81', 'stopped')
    await untilClosed(shard, 2)
  }
  await using shard = start()
  expect(await firstOpenCount(shard)).toBe(2)
  const another = createFlow(redis)
  await resume(another, '81')
  await expectExact(tables, another, '81')
  expect(await gaps('81')).toEqual(stops('81', 2))
  await flow.changes('82', 20)
  await expectExact(tables, flow, '82')
  expect(await gaps('82')).toEqual([])
})

test.concurrent('what came for a closed market while nobody read is found at the start, and taken up once', async () => {
  await using bench = await openBench()
  const { redis, tables, start, record, gaps } = bench
  const flow = createFlow(redis)
  {
    await using shard = start()
    await flow.catalogue([gammaText('84')])
    await record(flow, '84')
    await flow.gap('84', 'stopped')
    await untilClosed(shard, 1)
  }
  await flow.append('84', [['marker', JSON.stringify({ type: 'subscribed', tokens: tokensOf('84') })]])
  await flow.books('84')
  await flow.changes('84', 30)
  await redis.del('ready:0')
  await using shard = start()
  await expectExact(tables, flow, '84')
  expect(await gaps('84')).toEqual(stops('84', 1))
  expect(closedCount(shard)).toBe(0)
})

test.concurrent('a closed market whose stream Redis has lost is opened for what stands there under an older id', async () => {
  await using bench = await openBench()
  const { redis, start, record, firstOpen } = bench
  const flow = createFlow(redis)
  const stream = 'orderbook:85'
  {
    await using shard = start()
    await flow.catalogue([gammaText('85')])
    await record(flow, '85')
    await flow.gap('85', 'stopped')
    await untilClosed(shard, 1)
  }
  const before = (await firstOpen()) ?? 0
  await redis.del(stream)
  await redis.xadd(stream, '5-5', ...encodeEntry(flow.entry('85', '{"event_type":"none"}'), signing))
  await using shard = start()
  expect(await firstOpenCount(shard)).toBe(before + 1)
  await untilClosed(shard, 1)
  await redis.del(stream)
})

test.concurrent('of a resolved market the stream goes as well; what still comes is recorded without a gap and a row twice', async () => {
  await using bench = await openBench()
  const { redis, tables, start, record, gaps, resolve } = bench
  const flow = createFlow(redis)
  await using shard = start()
  await flow.catalogue([gammaText('86')])
  await record(flow, '86')
  await resolve('86')
  await untilClosed(shard, 1)
  await until('its stream is gone', async () => (await redis.exists('orderbook:86')) === 0)
  expect(await redis.ttl('quote:86')).toBeGreaterThan(86_000)

  await flow.changes('86', 40)
  await committed(tables, 'orderbook:86')
  for (const outcomeId of outcomesOf('86')) {
    const rows = await readRows(tables.pool, outcomeId)
    const sequences = sequencesOf(rows)
    expect(sequences).toEqual(Array.from({ length: sequences.length }, (_, at) => at + 1))
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
    expect(bookOfRows(rows)).toEqual(flow.levels(outcomeId))
  }
  expect(await gaps('86')).toEqual([])
  await untilClosed(shard, 2)
  await until('its stream is gone again', async () => (await redis.exists('orderbook:86')) === 0)
})

test.concurrent('a market that resolves when it was stopped and closed long ago loses its stream at the next start', async () => {
  await using bench = await openBench()
  const { redis, start, record, resolve } = bench
  const flow = createFlow(redis)
  {
    await using shard = start()
    await flow.catalogue([gammaText('87')])
    await record(flow, '87')
    await flow.gap('87', 'stopped')
    await untilClosed(shard, 1)
    await resolve('87')
    expect(await redis.exists('orderbook:87')).toBe(1)
  }
  await using _shard = start()
  await until('its stream is gone', async () => (await redis.exists('orderbook:87')) === 0)
})
