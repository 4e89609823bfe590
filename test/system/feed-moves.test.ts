import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import { expect, test } from 'vitest'
import { createShared, openFeedGroup } from '../../src/activities/feed-group.ts'
import { readFeedGroups } from '../../src/activities/feed-groups.ts'
import { createCataloguePublisher } from '../../src/activities/publish-catalogue.ts'
import { createRebalance } from '../../src/activities/rebalance.ts'
import { createSubscriptionActivities } from '../../src/activities/subscription.ts'
import {
  confirmedKey,
  desiredKey,
  FEED_GROUPS_KEY,
  FEED_MOVES_KEY,
  orderbookStream,
  REASSERT_CHANNEL,
} from '../../src/domain/keys.ts'
import type { DesiredState } from '../../src/domain/market.ts'
import { createAppender } from '../../src/stream/append.ts'
import { createGamma, gammaPace } from '../../src/venue/polymarket/gamma.ts'
import { startShard } from '../support/normalizer-shard.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'
import { framesOf, markersOf, openBench, readStream, signing, until, type Bench } from '../integration/feed-support.ts'

/** What control does for a market of a workflow. */
const subscriptionsOf = (bench: Bench, marketsPerFeed: number) =>
  createSubscriptionActivities({ redis: bench.redis, bookDepth: 0, marketsPerFeed, ensureFeed: async () => undefined })

const apply = async (bench: Bench, marketIds: string[], marketsPerFeed: number, state: DesiredState = 'active') => {
  const { applySubscription } = subscriptionsOf(bench, marketsPerFeed)
  for (const marketId of marketIds) {
    const { conditionId = '', tokens = [] } = bench.emulator.catalogue.byKey({ marketId }) ?? {}
    const generation = Date.now()
    await applySubscription({
      marketId,
      conditionId,
      tokens: tokens.map(({ token }) => token),
      state,
      depth: 0,
      generation,
    })
  }
}

const rebalance = (bench: Bench, marketsPerFeed: number): Promise<number> =>
  createRebalance({ redis: bench.redis, marketsPerFeed, ensureFeed: async () => undefined, log: bench.deps.log })()

/** A real normalizer behind the feeds, with the emulator's catalogue. */
const startNormalizer = async (bench: Bench, database: TestDatabase) => {
  const gamma = createGamma({ baseUrl: bench.emulator.urls.gamma, timeoutMs: 4_000, attempts: 3, pace: gammaPace() })
  const appender = createAppender({ redis: bench.redis, signing, shardCount: 1 })
  const page = await gamma.openMarkets(
    { limit: 100, order: 'volume24hr', cursor: undefined },
    AbortSignal.timeout(10_000),
  )
  await createCataloguePublisher({ redis: bench.redis, appender }).publish(page.markets)
  // Streams are trimmed behind checkpoints: here they are kept to look at.
  const kept = { CHECKPOINT_EVERY_CHANGES: '1000000' }
  return startShard({ redisUrl: bench.server.url, databaseUrl: database.url }, 0, kept)
}

const openGroups = (bench: Bench, groups: number[]) => {
  const shared = createShared(bench.deps)
  const feeds = groups.map((group) => openFeedGroup({ ...bench.deps, ...shared, group }))
  return {
    feeds,
    [Symbol.asyncDispose]: async () => void (await Promise.all(feeds.map((feed) => feed.close('test ends')))),
  }
}

const isAllLive = async (bench: Bench, marketIds: string[]): Promise<boolean> => {
  const states = await Promise.all(marketIds.map((marketId) => bench.redis.hget(`quote:${marketId}`, 'state')))
  return states.every((state) => state === 'live')
}

const sizes = async (bench: Bench): Promise<number[]> => {
  const groups = Object.values(await bench.redis.hgetall(FEED_GROUPS_KEY)).map(Number)
  return Array.from({ length: Math.max(...groups) + 1 }, (_, group) => groups.filter((one) => one === group).length)
}

const untilMoved = (bench: Bench, count: number): Promise<void> =>
  until(`${count} markets moved, and every old place is empty`, async () => {
    const sums = await sizes(bench)
    const wanted = await Promise.all(sums.map((_, group) => bench.redis.hlen(desiredKey(group))))
    const isDone = bench.stats.read()['marketsMoved'] === count && (await bench.redis.hlen(FEED_MOVES_KEY)) === 0
    return isDone && wanted.join() === sums.join()
  })

const openConnections = ({ emulator }: Bench) =>
  emulator.ledger().connections.filter(({ closedTimeMs }) => closedTimeMs === undefined)

const gapsOf = async (pool: Pool) =>
  (await pool.query<{ market_id: string; reason: string }>('select market_id, reason from feed_gaps')).rows

/** Changes that the venue has sent of a market since then, on any connection, and that are not in its stream. */
const missedOf = async (bench: Bench, marketId: string, before: ReadonlySet<string>): Promise<string[]> => {
  const { conditionId = '' } = bench.emulator.catalogue.byKey({ marketId }) ?? {}
  const isOurs = (text: string): boolean => text.includes(conditionId) && text.includes('price_change')
  const sent = (await bench.sentTexts()).filter((text) => isOurs(text) && !before.has(text))
  const texts = new Set(framesOf(await readStream(bench.redis, orderbookStream(marketId))).map(({ text }) => text))
  return [...new Set(sent)].filter((text) => !texts.has(text))
}

/** A machine that stands still for a moment must not make a move give up: that it does after 3 s is the third test. */
const PATIENT = { movePatienceMs: 30_000 }

test('a group with holes is given up under load: no gap, no frame missed, and its connection is saved', async () => {
  await using bench = await openBench({ marketCount: 9, rate: 400 }, {}, PATIENT)
  await using groups = openGroups(bench, [1, 2])
  await apply(bench, bench.marketIds, 3)
  expect(await sizes(bench)).toEqual([3, 3, 3])
  await using database = await createDatabase()
  await using shard = await startNormalizer(bench, database)
  await until('all books are proved', () => isAllLive(bench, bench.marketIds))
  const [left = ''] = await bench.redis.hkeys(desiredKey(0))
  const staying = bench.marketIds.filter((marketId) => marketId !== left)
  await apply(bench, [left], 3, 'stopped')
  await until('it has left', async () => (await bench.redis.hget(confirmedKey(0), left))?.includes('stopped') === true)
  const { forgetSubscription } = subscriptionsOf(bench, 3)
  await forgetSubscription({ marketId: left, group: 0, generation: Date.now() })
  const stoppedOf = async () => (await gapsOf(database.pool)).filter(({ reason }) => reason === 'stopped')
  await until('its end is recorded of both outcomes', async () => (await stoppedOf()).length === 2)
  await database.pool.query('delete from feed_gaps')
  const before = new Set(await bench.sentTexts())

  expect(await rebalance(bench, 6)).toBe(2)
  await untilMoved(bench, 2)
  await sleep(2_000)
  bench.emulator.pause()
  // A trade is told up to 100 ms late, also after the pause.
  await sleep(200)
  await until('all that was sent has come', async () => {
    const missed = await Promise.all(staying.map((marketId) => missedOf(bench, marketId, before)))
    return missed.flat().length === 0 && (await isAllLive(bench, staying))
  })
  expect(await sizes(bench)).toEqual([0, 5, 3])
  expect(await gapsOf(database.pool)).toEqual([])
  expect(bench.stats.read()['marketsMovedWithGap'] ?? 0).toBe(0)
  for (const marketId of staying) expect(await missedOf(bench, marketId, before)).toEqual([])
  expect(await isAllLive(bench, staying)).toBe(true)
  expect(shard.stats.read()['batchesMismatched'] ?? 0).toBe(0)
  expect([bench.feed, ...groups.feeds].reduce((sum, feed) => sum + feed.compareSubscriptions(), 0)).toBe(0)
  expect(openConnections(bench).flatMap(({ subscribed }) => subscribed).length).toBe(16)
  await until('its connection is closed by the next reading', () => openConnections(bench).length === 2)
  expect(await rebalance(bench, 6)).toBe(0)
})

test('a new desire calls a move off: the market stays where it is, and only there', async () => {
  await using bench = await openBench({ marketCount: 2, rate: 50 }, {}, PATIENT)
  await using groups = openGroups(bench, [1])
  await apply(bench, bench.marketIds, 1)
  await until('both are subscribed', () => openConnections(bench).flatMap(({ subscribed }) => subscribed).length === 4)
  // Without a normalizer nothing is applied: the move waits for its patience to end.
  expect(await rebalance(bench, 4)).toBe(1)
  const [[moving, to] = ['', '']] = Object.entries(await bench.redis.hgetall(FEED_MOVES_KEY))
  await until(
    'it is subscribed twice',
    () => openConnections(bench).flatMap(({ subscribed }) => subscribed).length === 6,
  )
  await apply(bench, [moving], 4, 'paused')
  await until('it is paused where it was', async () => {
    const wanted = await bench.redis.hlen(desiredKey(Number(to)))
    return wanted === 1 && openConnections(bench).flatMap(({ subscribed }) => subscribed).length === 2
  })
  expect(await bench.redis.hget(FEED_GROUPS_KEY, moving)).toBe(String(1 - Number(to)))
  expect(bench.stats.read()).toMatchObject({ movesCalledOff: 1 })
  const readMarkers = async () => markersOf(await readStream(bench.redis, orderbookStream(moving)))
  await until('its stream says so', async () => (await readMarkers()).at(-1)?.type === 'unsubscribed')
  expect(new Set((await readMarkers()).map(({ epoch }) => epoch)).size).toBe(1)
  await apply(bench, [moving], 4)
  await until('it is back', () => openConnections(bench).flatMap(({ subscribed }) => subscribed).length === 4)
  expect([bench.feed, ...groups.feeds].reduce((sum, feed) => sum + feed.compareSubscriptions(), 0)).toBe(0)
})

test('a market that nobody applies is taken over after 3 s, a paused one at once, and neither is left twice', async () => {
  await using bench = await openBench({ marketCount: 3, rate: 100 })
  await using groups = openGroups(bench, [1, 2])
  const [active = '', other = '', paused = ''] = bench.marketIds
  await apply(bench, [active, other], 1)
  await apply(bench, [paused], 1, 'paused')
  await until('two are subscribed', () => openConnections(bench).flatMap(({ subscribed }) => subscribed).length === 4)
  expect(await rebalance(bench, 8)).toBe(1)
  expect(await rebalance(bench, 8)).toBe(0)
  await untilMoved(bench, 1)
  expect(bench.stats.read()).toMatchObject({ marketsMovedWithGap: 1 })
  const frames = framesOf(await readStream(bench.redis, orderbookStream(active)))
  const newest = frames.map(({ epoch }) => epoch).toSorted().at(-1) // prettier-ignore
  const arrived = frames.filter(({ epoch }) => epoch === newest).map(({ text }) => text)
  for (const token of bench.emulator.catalogue.byKey({ marketId: active })?.tokens ?? []) {
    expect(arrived.some((text) => text.includes(token.token) && text.includes('"book"'))).toBe(true)
  }
  const asked: string[] = []
  const listener = bench.connect()
  await listener.subscribe(REASSERT_CHANNEL)
  listener.on('message', (_, message) => asked.push(message))
  expect(await rebalance(bench, 8)).toBe(1)
  await until('its workflow is told where it is', () => asked.includes(paused))
  await until('the paused one has moved', async () => (await bench.redis.hlen(desiredKey(2))) === 0)
  await until(
    'it is confirmed there',
    async () => (await bench.redis.hget(confirmedKey(1), paused))?.includes('paused') === true,
  )
  expect(await sizes(bench)).toEqual([0, 3])
  await apply(bench, [paused], 8)
  await until('it is resumed', () => openConnections(bench).flatMap(({ subscribed }) => subscribed).length === 6)
  expect([bench.feed, ...groups.feeds].reduce((sum, feed) => sum + feed.compareSubscriptions(), 0)).toBe(0)
})

test('a group whose feed was ended before it let its last market go needs a feed, which clears it and is needed no more', async () => {
  await using bench = await openBench({ marketCount: 2 })
  await bench.feed.close('its workflow was terminated')
  const [leaving = '', other = ''] = bench.marketIds
  await apply(bench, [leaving], 1, 'paused')
  await apply(bench, [other], 1)
  expect(await rebalance(bench, 8)).toBe(1)
  expect(await bench.redis.hget(FEED_GROUPS_KEY, leaving)).toBe('1')
  expect(new Set(await readFeedGroups(bench.redis))).toEqual(new Set([0, 1]))
  await using _groups = openGroups(bench, [0])
  await until('it is cleared', async () => (await bench.redis.hlen(desiredKey(0))) === 0)
  expect(await readFeedGroups(bench.redis)).toEqual([1])
})

test('with one market a feed every market gets a socket of its own, and those that shared one move', async () => {
  await using bench = await openBench({ marketCount: 10, rate: 200 })
  await using groups = openGroups(bench, [1, 2, 3, 4, 5, 6, 7, 8, 9])
  await apply(bench, bench.marketIds.slice(0, 5), 5)
  await apply(bench, bench.marketIds.slice(5), 1)
  await until('ten markets', () => openConnections(bench).flatMap(({ subscribed }) => subscribed).length === 20)
  expect(await sizes(bench)).toEqual([5, 1, 1, 1, 1, 1])
  await using database = await createDatabase()
  await using _shard = await startNormalizer(bench, database)
  await until('all books are proved', () => isAllLive(bench, bench.marketIds))
  expect(await rebalance(bench, 1)).toBe(4)
  await untilMoved(bench, 4)
  expect(await sizes(bench)).toEqual(Array.from({ length: 10 }, () => 1))
  await until('ten sockets of one market', () => openConnections(bench).map(({ tokenCount }) => tokenCount).join() === '2,2,2,2,2,2,2,2,2,2') // prettier-ignore
  await until('all books are proved', () => isAllLive(bench, bench.marketIds))
  expect(await rebalance(bench, 1)).toBe(0)
  expect([bench.feed, ...groups.feeds].reduce((sum, feed) => sum + feed.compareSubscriptions(), 0)).toBe(0)
})
