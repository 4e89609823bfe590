import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MockActivityEnvironment } from '@temporalio/testing'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createCatalogueActivities } from '../../src/activities/catalogue.ts'
import { createCataloguePublisher } from '../../src/activities/publish-catalogue.ts'
import { MARKETS_STREAM } from '../../src/domain/keys.ts'
import type { Market } from '../../src/domain/market.ts'
import { chooseTop } from '../../src/domain/policy.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { createAppender } from '../../src/stream/append.ts'
import { decodeEntry } from '../../src/stream/entry.ts'
import { parseGammaMarket, toMarket } from '../../src/venue/polymarket/gamma-market.ts'
import { createPace } from '../../src/venue/polymarket/gamma-pace.ts'
import { createGamma } from '../../src/venue/polymarket/gamma.ts'
import { createDatabase, openRedis, type TestDatabase, type TestRedis } from '../support/services.ts'
import { gammaObject, openStandInGamma } from '../workflows/support/stand-in-gamma.ts'

const signing = { current: 'k', keys: new Map([['k', 'a secret of the test']]) }
const captures = process.env['POLYTAPE_CAPTURES']
if (captures === undefined) console.log('SKIPPED: 292 real Gamma markets, since POLYTAPE_CAPTURES is not set')

let server: TestRedis
let redis: Redis
let database: TestDatabase
beforeAll(async () => {
  ;[server, database] = await Promise.all([openRedis(), createDatabase()])
  redis = server.connect()
})
afterAll(async () => {
  redis.disconnect()
  await Promise.all([server[Symbol.asyncDispose](), database[Symbol.asyncDispose]()])
})
beforeEach(() => redis.flushall())

const marketOf = (object: unknown): Market => {
  const parsed = toMarket(object)
  if (parsed.type === 'rejected') throw new Error(parsed.detail)
  return parsed.market
}

describe('a Gamma object', () => {
  test.skipIf(captures === undefined)('of 292 real ones becomes a market with a token for each outcome', () => {
    const path = join(captures ?? '', 'gamma-markets-2026-07-24.json')
    const objects = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>[]
    const markets = objects.map(marketOf)
    expect(markets).toHaveLength(292)
    for (const [index, market] of markets.entries()) {
      expect(market.outcomes.map(({ token }) => token)).toEqual(JSON.parse(String(objects[index]?.['clobTokenIds'])))
      expect(market).toMatchObject({ status: 'resolved', feeBps: 700, minOrderSize: '5', negRisk: false })
      expect(['0.01', '0.001']).toContain(market.tickSize)
      expect(market.endTimeMs).toBe(Date.parse(String(objects[index]?.['endDate'])))
    }
  })

  test('tells open, closed and resolved apart', () => {
    expect(marketOf(gammaObject(1)).status).toBe('active')
    expect(marketOf(gammaObject(1, { closed: true, outcomePrices: '["0.3", "0.7"]' })).status).toBe('closed')
    expect(marketOf(gammaObject(1, { closed: true, outcomePrices: '["0", "1"]' })).status).toBe('resolved')
    expect(marketOf(gammaObject(1, { closed: true, outcomePrices: '["0.5", "0.5"]' })).status).toBe('resolved')
    expect(marketOf(gammaObject(1, { closed: true, outcomePrices: '["0", "0"]' })).status).toBe('closed')
  })

  test('may lack almost everything, and keeps small ticks as plain text', () => {
    const { id, conditionId, clobTokenIds, outcomes } = gammaObject(1)
    const bare = { id, conditionId, clobTokenIds, outcomes, orderPriceMinTickSize: 0.0001, orderMinSize: 1e-7 }
    expect(marketOf({ ...bare, endDate: '', takerBaseFee: null })).toMatchObject({
      tickSize: '0.0001',
      minOrderSize: '0.0000001',
      feeBps: undefined,
      endTimeMs: undefined,
      slug: '',
    })
  })

  test.each([
    ['no tokens', gammaObject(1, { clobTokenIds: undefined }), 'clobTokenIds'],
    ['a token less', gammaObject(1, { clobTokenIds: '["1"]' }), '1 tokens for 2 outcomes'],
    ['a list that is no JSON', gammaObject(1, { outcomes: '["Yes"' }), 'expected a JSON list of texts'],
    ['a token that is no number', gammaObject(1, { clobTokenIds: '["1","0x2"]' }), 'not a decimal number'],
    ['no condition yet', gammaObject(1, { conditionId: '' }), 'conditionId'],
    ['nothing', null, 'not a market'],
  ])('with %s is rejected with the reason', (_, object, reason) => {
    expect(toMarket(object)).toMatchObject({ type: 'rejected', detail: expect.stringContaining(reason) as string })
  })

  test('as broken text is a value, not an exception', () => {
    expect(parseGammaMarket('{"id":')).toMatchObject({ type: 'rejected' })
  })
})

const gammaAt = (baseUrl: string) =>
  createGamma({ baseUrl, timeoutMs: 20_000, attempts: 3, pace: createPace({ requests: 100, periodMs: 1_000 }) })

describe('the Gamma client', () => {
  test('asks again after 429, 503, broken JSON and silence, and gives up with the reason', async () => {
    const answers = [429, 503, 200, 500, 500, 500]
    let asked = 0
    const flaky = createServer((_, response) => {
      response.writeHead(answers[asked++] ?? 200, { 'retry-after': '0' }).end('{"id":"1"}')
    })
    await new Promise<void>((resolve) => flaky.listen(0, '127.0.0.1', resolve))
    const gamma = gammaAt(`http://127.0.0.1:${(flaky.address() as AddressInfo).port}`)
    expect(await gamma.market('1')).toEqual({ id: '1' })
    await expect(gamma.market('1')).rejects.toMatchObject({
      retryable: true,
      message: expect.stringContaining('500') as string,
    })
    flaky.close()
  })

  test('finds by id and by slug below a path prefix, and answers undefined for 404', async () => {
    await using venue = await openStandInGamma([1])
    const gamma = gammaAt(venue.url)
    expect(await gamma.market('1')).toMatchObject({ slug: 'market-1' })
    expect(await gamma.market('market-1')).toMatchObject({ id: '1' })
    expect(await gamma.market('2')).toBeUndefined()
  })

  test('never sends more than its pace allows', async () => {
    const pace = createPace({ requests: 5, periodMs: 200 })
    const grantedTimesMs: number[] = []
    await Promise.all(Array.from({ length: 15 }, () => pace().then(() => grantedTimesMs.push(Date.now()))))
    for (const [index, timeMs] of grantedTimesMs.entries()) {
      const sixth = grantedTimesMs[index + 5]
      if (sixth !== undefined) expect(sixth - timeMs).toBeGreaterThanOrEqual(190)
    }
  })

  test('keeps to its pace also after its process stood still', async () => {
    const pace = createPace({ requests: 5, periodMs: 200 })
    const grantedTimesMs: number[] = []
    const granted = Promise.all(Array.from({ length: 15 }, () => pace().then(() => grantedTimesMs.push(Date.now()))))
    await new Promise((resolve) => setTimeout(resolve, 50))
    const untilMs = Date.now() + 500
    while (Date.now() < untilMs);
    await granted
    for (const index of [5, 6, 7, 8, 9])
      expect((grantedTimesMs[index + 5] ?? 0) - (grantedTimesMs[index] ?? 0)).toBeGreaterThanOrEqual(190)
  })
})

const publisherOf = () =>
  createCataloguePublisher({ redis, appender: createAppender({ redis, signing, shardCount: 1 }) })

const published = async (): Promise<string[]> => {
  const found = await redis.xrange(MARKETS_STREAM, '-', '+')
  return found.flatMap((raw) => {
    const decoded = decodeEntry(MARKETS_STREAM, raw, signing)
    if (decoded.type === 'rejected') throw new Error(decoded.detail)
    return decoded.entry.frames.map((frame) => marketOf(JSON.parse(frame.text)).marketId)
  })
}

const refresherOf = (url: string, stats = createStats()) => {
  const deps = { gamma: gammaAt(url), publisher: publisherOf(), pool: database.pool, log: createLog('test', 'silent') }
  const { refreshMarkets } = createCatalogueActivities({ ...deps, stats })
  return () => new MockActivityEnvironment().run(refreshMarkets)
}

describe('the catalogue', () => {
  test('is paged to its end, and only what changed is published again', async () => {
    await using venue = await openStandInGamma(Array.from({ length: 250 }, (_, index) => index + 1))
    const refresh = refresherOf(venue.url)
    const whole = {
      pages: 3,
      promised: 250,
      seen: 250,
      repeated: 0,
      short: 0,
      isCut: false,
      gone: 0,
      closed: 0,
      missed: 0,
    }
    expect(await refresh()).toEqual({ ...whole, changed: 250, rejected: 0 })
    expect(await refresh()).toEqual({ ...whole, changed: 0, rejected: 0 })
    venue.markets.set('7', gammaObject(7, { orderPriceMinTickSize: 0.001 }))
    venue.markets.set('8', gammaObject(8, { volume24hr: 1, clobTokenIds: undefined }))
    expect(await refresh()).toEqual({ ...whole, changed: 1, rejected: 1 })
    expect((await published()).slice(250)).toEqual(['7'])
  })

  test('counts what its pages promised and did not show', async () => {
    await using venue = await openStandInGamma(Array.from({ length: 250 }, (_, index) => index + 1))
    const stats = createStats()
    const refresh = refresherOf(venue.url, stats)
    const thinned = new Set(['3', '4'])
    venue.distort = (page) => ({
      ...page,
      markets: [...page.markets.filter((market) => !thinned.has(String(market['id']))), ...page.markets.slice(-1)],
    })
    expect(await refresh()).toMatchObject({ promised: 252, seen: 248, repeated: 3, short: 1, isCut: false })
    expect(stats.read()).toMatchObject({ catalogMissing: 1, catalogRepeated: 3 })
  })

  test('ends at a cursor that comes again, says so, and looks for no market that it had left out', async () => {
    await using venue = await openStandInGamma(Array.from({ length: 250 }, (_, index) => index + 1))
    const stats = createStats()
    venue.distort = (page) => ({ ...page, next_cursor: '100' })
    const count = await refresherOf(venue.url, stats)()
    expect(count).toMatchObject({ pages: 2, promised: 200, seen: 200, isCut: true, gone: 0 })
    expect(stats.read()).toMatchObject({ catalogPassesCut: 1 })
  })

  test('asks for what is not listed any more: closed markets are published, those that were left out are counted', async () => {
    await using venue = await openStandInGamma([1, 2, 3])
    const refresh = refresherOf(venue.url)
    await refresh()
    const { pool } = database
    await pool.query(
      `insert into markets (market_id, condition_id, slug, question, status, tick_size, min_order_size, neg_risk)
       select id, id, id, id, status, 0.01, 5, false from (values ('1', 'active'), ('2', 'active'), ('3', 'active'), ('4', 'resolved')) as m(id, status)`,
    )
    venue.markets.set('2', gammaObject(2, { closed: true, outcomePrices: '["0", "1"]' }))
    venue.distort = (page) => ({ ...page, markets: page.markets.filter((market) => market['id'] !== '3') })
    expect(await refresh()).toMatchObject({ seen: 1, gone: 2, closed: 1, missed: 1, changed: 1 })
    expect((await published()).slice(3)).toEqual(['2'])
    await pool.query('delete from markets')
  })

  test('loses nothing when many publish at once', async () => {
    const publisher = publisherOf()
    await Promise.all(Array.from({ length: 60 }, (_, index) => publisher.publish([gammaObject(index + 1)])))
    expect(new Set(await published()).size).toBe(60)
  })
})

test('the top n keeps a running market that has slipped a little, and drops one that fell', () => {
  const ranked = Array.from({ length: 20 }, (_, index) => marketOf(gammaObject(index + 1)))
  const chosen = chooseTop(ranked, new Set(['9', '10', '20']), 8)
  expect(new Set(chosen.map(({ marketId }) => marketId))).toEqual(new Set(['9', '10', '1', '2', '3', '4', '5', '6']))
})
