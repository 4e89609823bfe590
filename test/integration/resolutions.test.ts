import { MockActivityEnvironment } from '@temporalio/testing'
import { describe, expect, test } from 'vitest'
import { createCataloguePublisher } from '../../src/activities/publish-catalogue.ts'
import { createResolutionActivities, type ResolutionCount } from '../../src/activities/resolutions.ts'
import type { Observation } from '../../src/domain/observation.ts'
import { MARKETS_STREAM } from '../../src/domain/keys.ts'
import { openEmulator, type Emulator } from '../../src/emulator/emulator.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { createAppender, createEpoch } from '../../src/stream/append.ts'
import { createPace } from '../../src/venue/polymarket/gamma-pace.ts'
import { createGamma } from '../../src/venue/polymarket/gamma.ts'
import type { GammaClient } from '../../src/venue/polymarket/gamma-reads.ts'
import { createFlow, gammaText, outcomesOf, signing, tokensOf } from '../support/normalizer-flow.ts'
import { committed, until } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'
import { gammaObject, openStandInGamma } from '../workflows/support/stand-in-gamma.ts'

const { database, redis, start, tables } = await openStores()
const { pool } = database
const flow = createFlow(redis)
const appender = createAppender({ redis, signing, shardCount: 1 })

type Row = { status: string; source: string | null; resolvedTimeMs: number | undefined; payouts: (string | null)[] }
const rowOf = async (marketId: string): Promise<Row> => {
  const { rows } = await pool.query<{ status: string; source: string | null; at: Date | null; payouts: string[] }>(
    `select m.status, m.resolution_source as source, m.resolved_at as at,
       array_agg(trim_scale(o.payout)::text order by o.outcome_id) as payouts
     from markets m join outcomes o using (market_id) where market_id = $1 group by m.market_id`,
    [marketId],
  )
  const [row] = rows
  if (row === undefined) throw new Error(`no market ${marketId}`)
  return { status: row.status, source: row.source, resolvedTimeMs: row.at?.getTime(), payouts: row.payouts }
}

const toldTimeMs = Date.now() - 5_000
const broadcast = async (marketId: string, winningToken = tokensOf(marketId)[0] ?? ''): Promise<void> => {
  const message = { event_type: 'market_resolved', id: marketId, winning_asset_id: winningToken, timestamp: String(toldTimeMs) } // prettier-ignore
  const frame = { kind: 'websocket' as const, receivedTimeMs: Date.now(), sourceReceivedTimeMs: undefined, text: JSON.stringify(message) } // prettier-ignore
  await appender.append([{ stream: MARKETS_STREAM, epoch: createEpoch(), firstOrdinal: 1, frames: [frame] }])
  await committed(tables(), MARKETS_STREAM)
}
const catalogue = async (marketId: string, changed: Record<string, unknown>): Promise<void> => {
  await flow.catalogue([gammaText(marketId, changed)])
  await committed(tables(), MARKETS_STREAM)
}
const closed = { closed: true, closedTime: '2026-11-25 18:00:00+00', umaResolutionStatus: 'resolved' }

const isQuote = (marketId: string, state: string) =>
  until(`quote of ${marketId} to be ${state}`, async () => (await redis.hget(`quote:${marketId}`, 'state')) === state)
const laddersOf = (marketId: string): Promise<number> =>
  redis.exists(outcomesOf(marketId).flatMap((id) => [`ladder:${id}:bid`, `ladder:${id}:ask`]))

const record = async (marketId: string): Promise<void> => {
  await flow.catalogue([gammaText(marketId)])
  await flow.books(marketId)
  await flow.changes(marketId, 20)
  await committed(tables(), `orderbook:${marketId}`)
}

describe('a resolution', () => {
  test('by broadcast pays 1 and 0 and takes the books out of the cache; Gamma has the last word on what is paid', async () => {
    {
      await using _shard = start()
      await record('61')
      expect(await laddersOf('61')).toBeGreaterThan(0)
      await broadcast('61')
      await isQuote('61', 'resolved')
      expect(await laddersOf('61')).toBe(0)
      const told = { status: 'resolved', resolvedTimeMs: toldTimeMs }
      expect(await rowOf('61')).toEqual({ ...told, source: 'market_resolved', payouts: ['1', '0'] })
      await catalogue('61', {})
      expect(await rowOf('61'), 'a Gamma that lags takes nothing back').toMatchObject(told)
      await catalogue('61', { ...closed, outcomePrices: '["0.5", "0.5"]' })
      expect(await rowOf('61')).toEqual({ ...told, source: 'gamma', payouts: ['0.5', '0.5'] })

      await flow.changes('61', 5)
      await committed(tables(), 'orderbook:61')
      expect(await redis.hmget('quote:61', 'state', 'bid_price', 'ask_price')).toEqual(['resolved', '', ''])
      expect(await laddersOf('61'), 'what still comes is recorded, not shown').toBe(0)
    }
    await redis.del('quote:61')
    await using _shard = start()
    await isQuote('61', 'resolved')
    expect(await laddersOf('61')).toBe(0)
    const { rows } = await pool.query("select state from quotes_live where market_id = '61'")
    expect(rows).toEqual([{ state: 'resolved' }])
  })

  test('that only Gamma tells is stored with its time, and a broadcast afterwards changes nothing', async () => {
    await using _shard = start()
    await record('62')
    await catalogue('62', { ...closed, outcomePrices: '["0.25", "0.75"]' })
    await isQuote('62', 'resolved')
    const final = { status: 'resolved', source: 'gamma', payouts: ['0.25', '0.75'], resolvedTimeMs: Date.UTC(2026, 10, 25, 18) } // prettier-ignore
    expect(await rowOf('62')).toEqual(final)
    await broadcast('62')
    expect(await rowOf('62')).toEqual(final)
  })

  test('needs final prices: a market that only closed goes on', async () => {
    await using _shard = start()
    await record('63')
    await record('66')
    await catalogue('63', { ...closed, umaResolutionStatus: 'proposed', outcomePrices: '["1", "0"]' })
    expect(await rowOf('63')).toMatchObject({ status: 'closed', source: null, payouts: [null, null] })
    await broadcast('66')
    await isQuote('66', 'resolved')
    expect(await redis.hget('quote:63', 'state'), 'in the same look').not.toBe('resolved')
  })

  test('whose winner is none of its outcomes leaves the payouts to Gamma', async () => {
    await using _shard = start()
    await record('64')
    await broadcast('64', '')
    expect(await rowOf('64')).toMatchObject({ status: 'resolved', source: 'market_resolved', payouts: [null, null] })
  })
})

const gammaAt = (baseUrl: string): GammaClient =>
  createGamma({ baseUrl, timeoutMs: 20_000, attempts: 2, pace: createPace({ requests: 100, periodMs: 1_000 }) })

const activitiesOf = (gamma: GammaClient, running: string[]) => {
  const told: Observation[] = []
  const publisher = createCataloguePublisher({ redis, appender })
  const runs = {
    list: async () => running.map((marketId) => ({ marketId, origin: 'policy' as const, isPaused: false })),
  }
  const tell = async (observation: Observation): Promise<boolean> => told.push(observation) > 0
  const deps = { gamma, publisher, runs, redis, pool, tell, log: createLog('test', 'silent'), stats: createStats() }
  const { pollResolutions, awaitDrained } = createResolutionActivities(deps)
  return {
    told,
    poll: (): Promise<ResolutionCount> => new MockActivityEnvironment().run(pollResolutions),
    drain: (marketId: string) => new MockActivityEnvironment().run(awaitDrained, { marketId }),
  }
}

const order = async (venue: Emulator, action: string, body: object): Promise<void> => {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${venue.urls.control}/${action}`, { method: 'POST', headers, body: JSON.stringify(body) })
  expect(await answer.json()).toEqual({ done: 1 })
}

describe('the poll for resolutions', () => {
  test('finds what no socket told in one request, leaves the open alone, and asks again until a word is final', async () => {
    await using _shard = start()
    await using venue = await openEmulator({ marketCount: 4, rate: 0 })
    const gamma = gammaAt(venue.urls.gamma)
    const ids = venue.catalogue.markets.slice(0, 4).map(({ marketId }) => marketId)
    const [first = '', second = '', third = ''] = ids
    const objects = await Promise.all(ids.map((id) => gamma.market(id)))
    await createCataloguePublisher({ redis, appender }).publish(objects)
    await committed(tables(), MARKETS_STREAM)
    const { poll } = activitiesOf(gamma, ids)
    expect(await poll()).toMatchObject({ closed: [], resolved: 0 })

    await order(venue, 'resolve', { marketId: first, payouts: ['0.5', '0.5'], told: false })
    await order(venue, 'close-market', { marketId: second })
    await order(venue, 'resolve', { marketId: third, winner: 1, listed: false })
    const polled = await poll()
    expect(new Set(polled.closed)).toEqual(new Set([first, second]))
    expect(polled.resolved).toBe(1)
    await committed(tables(), MARKETS_STREAM)
    expect(await rowOf(first)).toMatchObject({ status: 'resolved', source: 'gamma', payouts: ['0.5', '0.5'] })
    expect(await rowOf(second)).toMatchObject({ status: 'closed', payouts: [null, null] })
    expect(await rowOf(third)).toMatchObject({ status: 'active' })
    await order(venue, 'resolve', { marketId: second, winner: 1, told: false })
    expect(await poll()).toMatchObject({ resolved: 2 })
    await committed(tables(), MARKETS_STREAM)
    expect(await rowOf(second)).toMatchObject({ status: 'resolved', payouts: ['0', '1'] })
  })

  test('asks by id where Gamma does not heed the filter, and tells a workflow that has not heard', async () => {
    await using _shard = start()
    await using venue = await openStandInGamma([71, 72])
    venue.isDeaf = true
    const gamma = gammaAt(venue.url)
    await createCataloguePublisher({ redis, appender }).publish([...venue.markets.values()])
    await committed(tables(), MARKETS_STREAM)
    const { poll, told } = activitiesOf(gamma, ['71', '72'])
    venue.markets.set('71', gammaObject(71, { closed: true, outcomePrices: '["0", "1"]' }))
    expect(await poll()).toMatchObject({ closed: ['71'], resolved: 1 })
    expect(venue.requests).toContain('/gamma/markets/72')
    expect(told).toEqual([])
    await committed(tables(), MARKETS_STREAM)
    await poll()
    expect(told).toMatchObject([{ marketId: '71', state: 'resolved' }])
  })
})

test('a stream is drained when Postgres has its tail, and the answer says how the market ended', async () => {
  {
    await using _shard = start()
    await record('65')
    await broadcast('65')
  }
  await flow.changes('65', 5)
  let end: unknown
  const draining = activitiesOf(gammaAt('http://127.0.0.1:1'), [])
    .drain('65')
    .then((found) => (end = found))
  await new Promise((resolve) => setTimeout(resolve, 400))
  expect(end, 'nobody has read it').toBeUndefined()
  await using _shard = start()
  await draining
  expect(end).toEqual({ resolvedAt: new Date(toldTimeMs).toISOString(), payouts: ['1', '0'] })
})
