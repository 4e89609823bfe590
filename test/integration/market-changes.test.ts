import fc from 'fast-check'
import type { ClientBase } from 'pg'
import { describe, expect, test } from 'vitest'
import type { MarketChange } from '../../src/domain/market-change.ts'
import { withClient } from '../../src/store/checkout.ts'
import { lockMarkets, writeMarketChanges } from '../../src/store/market-changes.ts'
import { writeMarkets } from '../../src/store/markets.ts'
import { ensurePartition } from '../../src/store/partitions.ts'
import { MARKETS_STREAM } from '../../src/domain/keys.ts'
import { createAppender, createEpoch } from '../../src/stream/append.ts'
import { createFlow, gammaText, signing, tokensOf } from '../support/normalizer-flow.ts'
import { committed } from '../support/normalizer-shard.ts'
import { changesOf, isClosedIn, knownAfter, START_MS, TICKS, type Status, type Step } from '../support/market-steps.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, start, tables } = await openStores()
const { pool } = database

/** Receive clocks step back. */
for (const day of [-1, 0]) await ensurePartition(pool, START_MS / 86_400_000 + day)
const FIELDS = `status, trim_scale(tick_size)::text as tick_size, fee_bps::float8 as fee_bps, neg_risk,
  trim_scale(min_order_size)::text as min_order_size, event_slug, trim_scale(gamma_tick_size)::text as gamma_tick_size`

const inTransaction = (work: (client: ClientBase) => Promise<void>): Promise<void> =>
  withClient(pool, async (client) => {
    await client.query('begin')
    await work(client)
    await client.query('commit')
  })

const write = (changes: MarketChange[]): Promise<void> =>
  inTransaction(async (client) => {
    await lockMarkets(client, changes)
    await writeMarketChanges(client, changes)
  })

const at = async (marketId: string, timeUs: number) =>
  (await pool.query<Record<string, unknown>>(`select ${FIELDS} from market_at($1, timestamptz 'epoch' + $2::float8 * interval '1 microsecond')`, [marketId, timeUs])).rows // prettier-ignore

const spansOf = async (marketId: string) =>
  (await pool.query<{ valid_from: string; valid_to: string | null; source: string }>(`select (extract(epoch from valid_from) * 1000000)::bigint as valid_from, (extract(epoch from valid_to) * 1000000)::bigint as valid_to, source from market_changes where market_id = $1 order by valid_from`, [marketId])).rows // prettier-ignore

const eventsOf = async (marketId: string): Promise<string[]> =>
  (await pool.query<{ type: string }>('select type from liquidity_events where market_id = $1 order by event_id', [marketId])).rows.map(({ type }) => type) // prettier-ignore

const tickSize = fc.constantFrom(...TICKS)
const waitMs = fc.constantFrom(0, 1, 1, 5, 1_000, -3)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ source: fc.constant('gamma' as const), waitMs, tickSize, status: fc.constantFrom<Status>('active', 'active', 'closed', 'resolved'), feeBps: fc.constantFrom(undefined, 700, 0.33333), negRisk: fc.boolean() }) }, // prettier-ignore
  { weight: 1, arbitrary: fc.record({ source: fc.constant('new_market' as const), waitMs, tickSize: fc.constantFrom(undefined, ...TICKS) }) }, // prettier-ignore
  { weight: 3, arbitrary: fc.record({ source: fc.constant('tick_size_change' as const), waitMs, tickSize }) },
  { weight: 1, arbitrary: fc.record({ source: fc.constant('market_resolved' as const), waitMs }) },
)

let marketCount = 0

describe('market_at', () => {
  test('says of any instant what had been said by then, however the changes fell into transactions', async () => {
    const many = fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(many, async (batches) => {
        const marketId = String(++marketCount)
        const steps = batches.flat()
        const changes = changesOf(marketId, steps)
        let written = 0
        for (const batch of batches) {
          await write(changes.slice(written, written + batch.length))
          written += batch.length
        }
        const spans = await spansOf(marketId)
        let fromUs = 0
        let rowCount = 0
        for (const [index, change] of changes.entries()) {
          const [before, after] = [knownAfter(steps.slice(0, index)), knownAfter(steps.slice(0, index + 1))]
          const fee = after?.fee_bps === null ? null : Math.round((after?.fee_bps ?? 0) * 1e4) / 1e4
          if (before !== undefined && JSON.stringify(before) === JSON.stringify(after)) continue
          fromUs = Math.max(change.receivedTimeMs * 1_000, fromUs + 1)
          expect(Number(spans[rowCount++]?.valid_from)).toBe(fromUs)
          expect(await at(marketId, fromUs)).toEqual([{ ...after, fee_bps: fee }])
          if (rowCount === 1) expect(await at(marketId, fromUs - 1)).toEqual([])
        }
        expect(spans).toHaveLength(rowCount)
        for (const [index, span] of spans.entries()) expect(span.valid_to).toBe(spans[index + 1]?.valid_from ?? null)
        const isResolved = knownAfter(steps)?.status === 'resolved'
        const told = await eventsOf(marketId)
        expect(told.filter((type) => type !== 'market_closed')).toEqual(
          steps.length === 0 ? [] : ['market_created', ...(isResolved ? ['market_resolved'] : [])],
        )
        expect(told.includes('market_closed')).toBe(isClosedIn(steps))
      }),
      { numRuns: 60 },
    )
  })

  test('has one row for the present and no hole, though shards write at the same time', async () => {
    const marketId = 'both'
    const gamma = (index: number): Step => ({ source: 'gamma', waitMs: index, tickSize: '0.01', status: 'active', feeBps: index, negRisk: false }) // prettier-ignore
    const tick = (index: number): Step => ({ source: 'tick_size_change', waitMs: index, tickSize: TICKS[index % 3] ?? '' }) // prettier-ignore
    const writes = Array.from({ length: 30 }, (_, index) => (index % 2 === 0 ? gamma(index) : tick(index)))
    await Promise.all(writes.map((one) => write(changesOf(marketId, [one]))))
    const spans = await spansOf(marketId)
    expect(spans.length).toBeGreaterThan(15)
    for (const [index, span] of spans.entries()) expect(span.valid_to).toBe(spans[index + 1]?.valid_from ?? null)
  })

  test('agrees with markets: a catalogue that is behind undoes neither a tick of the market channel nor a resolution', async () => {
    const gamma = { source: 'gamma', waitMs: 1, tickSize: '0.01', status: 'active', feeBps: 1, negRisk: false } as const
    const steps: Step[] = [
      gamma,
      { source: 'tick_size_change', waitMs: 1, tickSize: '0.001' },
      { ...gamma, feeBps: 2 },
      { source: 'market_resolved', waitMs: 1 },
      { ...gamma, feeBps: 3 },
    ]
    for (const change of changesOf('behind', steps)) {
      await inTransaction(async (client) => {
        await lockMarkets(client, [change])
        if (change.source === 'gamma') await writeMarkets(client, [change.market])
        await writeMarketChanges(client, [change])
      })
    }
    const { rows } = await pool.query(
      "select status, trim_scale(tick_size)::text as tick_size, fee_bps::float8 as fee_bps from markets where market_id = 'behind'",
    )
    expect(rows).toEqual([{ status: 'resolved', tick_size: '0.001', fee_bps: 3 }])
    expect((await spansOf('behind')).map(({ source }) => source)).toEqual(['gamma', 'tick_size_change', 'gamma', 'market_resolved', 'gamma']) // prettier-ignore
  })
})

const broadcast = async (message: object): Promise<void> => {
  const frame = { kind: 'websocket' as const, receivedTimeMs: Date.now(), sourceReceivedTimeMs: undefined, text: JSON.stringify(message) } // prettier-ignore
  const appender = createAppender({ redis, signing, shardCount: 1 })
  await appender.append([{ stream: MARKETS_STREAM, epoch: createEpoch(), firstOrdinal: 1, frames: [frame] }])
}

const tickText = (marketId: string, outcome: number, newTickSize: string) => JSON.stringify({ event_type: 'tick_size_change', asset_id: tokensOf(marketId)[outcome], new_tick_size: newTickSize, timestamp: String(Date.now()) }) // prettier-ignore
const historyOf = async (marketId: string) => (await pool.query<Record<string, unknown>>(`select source, status, trim_scale(tick_size)::text as tick, valid_to is null as now from market_changes where market_id = $1 order by valid_from`, [marketId])).rows // prettier-ignore

describe('the normalizer', () => {
  test('writes a row for what is new, whoever says it first, and none for what is repeated, also after a restart', async () => {
    const flow = createFlow(redis)
    const announced = { event_type: 'new_market', id: '881', market: '0x881', slug: 's', question: '?', assets_ids: ['1'], outcomes: ['Yes'], order_price_min_tick_size: '0.01', tags: ['a'], timestamp: String(Date.now()) } // prettier-ignore
    const resolved = { event_type: 'market_resolved', id: '881', winning_asset_id: '1', timestamp: String(Date.now()) }
    const say = async (): Promise<void> => {
      await broadcast(announced)
      await flow.catalogue([gammaText('881')])
      await flow.append('881', [0, 1].map((outcome) => ['websocket', tickText('881', outcome, '0.001')])) // prettier-ignore
      await committed(tables(), 'orderbook:881')
    }
    const expected = [
      { source: 'new_market', status: 'active', tick: '0.01', now: false },
      { source: 'gamma', status: 'active', tick: '0.01', now: false },
      { source: 'tick_size_change', status: 'active', tick: '0.001', now: false },
      { source: 'market_resolved', status: 'resolved', tick: '0.001', now: true },
    ]
    {
      await using _shard = start()
      await flow.catalogue([gammaText('882')])
      await flow.books('882')
      await say()
      await broadcast(resolved)
      await committed(tables(), MARKETS_STREAM)
      expect(await historyOf('881')).toEqual(expected)
      await say()
      await broadcast(resolved)
      await committed(tables(), MARKETS_STREAM)
    }
    await redis.del(...(await redis.keys('seen:*')))
    await using _shard = start()
    await say()
    await broadcast(resolved)
    await committed(tables(), MARKETS_STREAM)
    expect(await historyOf('881')).toEqual(expected)
  })

  test('keeps a change that Postgres refuses as a dead letter, and commits the others', async () => {
    const flow = createFlow(redis)
    await using shard = start()
    await pool.query(`alter table market_changes add constraint unforeseen check (slug <> 'bad') not valid`)
    await flow.catalogue([gammaText('883', { slug: 'bad' }), gammaText('884')])
    await committed(tables(), MARKETS_STREAM)
    await pool.query('alter table market_changes drop constraint unforeseen')
    expect(await historyOf('883')).toEqual([])
    expect(await historyOf('884')).toHaveLength(1)
    const letters = await pool.query(
      "select detail from dead_letters where reason = 'refused_row' and stream = 'orderbook:883'",
    )
    expect(letters.rows).toMatchObject([{ detail: expect.stringContaining('unforeseen') as string }])
    expect(shard.stats.read()).toMatchObject({ rowsRefused: 1 })
  })
})
