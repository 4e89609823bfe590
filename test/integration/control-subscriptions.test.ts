import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { MockActivityEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createOverrideActivities } from '../../src/activities/override.ts'
import { createSubscriptionActivities } from '../../src/activities/subscription.ts'
import {
  confirmedKey,
  DESIRED_CHANNEL,
  desiredKey,
  EVERYTHING_KEY,
  FEED_GROUPS_KEY,
  quoteKey,
} from '../../src/domain/keys.ts'
import type { DesiredSubscription } from '../../src/domain/subscription.ts'
import { createDatabase, openRedis, type TestDatabase, type TestRedis } from '../support/services.ts'

let server: TestRedis
let redis: Redis
let database: TestDatabase
let ensured: number[] = []
beforeAll(async () => {
  server = await openRedis()
  redis = server.connect()
  database = await createDatabase()
})
afterAll(async () => {
  redis.disconnect()
  await server[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})
beforeEach(async () => {
  ensured = []
  await redis.flushall()
})

const activities = (marketsPerFeed: number) =>
  createSubscriptionActivities({
    redis,
    marketsPerFeed,
    bookDepth: 7,
    ensureFeed: async (group) => void ensured.push(group),
  })
const desired = (marketId: string, generation = 1): DesiredSubscription => ({
  marketId,
  conditionId: '0x1',
  tokens: [`${marketId}1`],
  state: 'active',
  depth: 0,
  generation,
})
const written = async (group: number, marketId: string): Promise<number> =>
  (JSON.parse((await redis.hget(desiredKey(group), marketId)) ?? '{"generation":0}') as DesiredSubscription).generation

describe('the allocation of markets to feed groups', () => {
  test('fills a group before it opens the next, also when many come at once', async () => {
    const { applySubscription } = activities(3)
    const markets = Array.from({ length: 10 }, (_, index) => String(index))
    await Promise.all(markets.map((marketId) => applySubscription(desired(marketId))))
    const sizes = await Promise.all([0, 1, 2, 3, 4].map((group) => redis.hlen(desiredKey(group))))
    expect(sizes).toEqual([3, 3, 3, 1, 0])
    expect(await redis.hlen(FEED_GROUPS_KEY)).toBe(10)
    expect(new Set(ensured)).toEqual(new Set([0, 1, 2, 3]))
  })

  test('gives each market a group of its own with one market a feed', async () => {
    const { applySubscription } = activities(1)
    const groups = []
    for (const marketId of ['a', 'b', 'c']) groups.push((await applySubscription(desired(marketId))).group)
    expect(groups).toEqual([0, 1, 2])
  })

  test('keeps a market in its group, and gives its place away once it is forgotten', async () => {
    const { applySubscription, forgetSubscription } = activities(2)
    for (const marketId of ['a', 'b', 'c']) await applySubscription(desired(marketId))
    expect((await applySubscription(desired('c', 2))).group).toBe(1)
    await forgetSubscription({ marketId: 'a', group: 0, generation: 1 })
    expect((await applySubscription(desired('c', 3))).group).toBe(1)
    expect((await applySubscription(desired('d'))).group).toBe(0)
  })

  test('writes the depth that was asked for, or the default, and answers with it', async () => {
    const writtenDepth = async (marketId: string): Promise<unknown> =>
      (JSON.parse((await redis.hget(desiredKey(0), marketId)) ?? '{}') as DesiredSubscription).depth
    for (const [marketId, asked, expected] of [
      ['a', undefined, 7],
      ['b', 3, 3],
      ['c', 0, 0],
    ] as const) {
      // prettier-ignore
      const { depth } = await activities(9).applySubscription({ ...desired(marketId), depth: asked })
      expect([depth, await writtenDepth(marketId)]).toEqual([expected, expected])
    }
  })

  test('ignores a lower generation, and publishes what it writes', async () => {
    const listener = server.connect()
    const heard: string[] = []
    listener.on('message', (_, group) => heard.push(group))
    await listener.subscribe(DESIRED_CHANNEL)
    const { applySubscription, forgetSubscription } = activities(2)
    await applySubscription(desired('a', 5))
    await applySubscription(desired('a', 4))
    expect(await written(0, 'a')).toBe(5)
    await forgetSubscription({ marketId: 'a', group: 0, generation: 4 })
    expect(await written(0, 'a')).toBe(5)
    expect(heard).toEqual(['0'])
    listener.disconnect()
  })

  test('is not brought back by an older desire that comes after the market has left, but by a newer one', async () => {
    const { applySubscription, forgetSubscription } = activities(2)
    await applySubscription(desired('a', 5))
    await forgetSubscription({ marketId: 'a', group: 0, generation: 5 })
    await expect(applySubscription(desired('a', 4))).rejects.toMatchObject({ type: 'Forgotten', nonRetryable: false })
    expect([await written(0, 'a'), await redis.hget(FEED_GROUPS_KEY, 'a')]).toEqual([0, null])
    const keptSeconds = await redis.ttl('forgotten:a')
    expect(keptSeconds).toBeGreaterThan(0)
    expect(keptSeconds).toBeLessThanOrEqual(60)
    expect((await applySubscription(desired('a', 6))).group).toBe(0)
    expect(await written(0, 'a')).toBe(6)
  })

  test('tells a new workflow what the hot cache says of its market', async () => {
    const { applySubscription } = activities(2)
    expect((await applySubscription(desired('a'))).observed).toBeUndefined()
    await redis.hset(quoteKey('a'), { state: 'live', sequence: '7', updated_at: '1795463399893' })
    const { observed } = await applySubscription(desired('a'))
    expect(observed).toMatchObject({ marketId: 'a', state: 'live', sequence: 7, atTimeMs: 1795463399893 })
  })
})

describe('the confirmation of a subscription', () => {
  const confirm = (input: object): Promise<unknown> =>
    new MockActivityEnvironment().run(activities(2).confirmSubscription, {
      marketId: 'a',
      group: 0,
      generation: 5,
      state: 'paused' as const,
      ...input,
    })
  const report = (generation: number, state: string): Promise<number> =>
    redis.hset(confirmedKey(0), 'a', JSON.stringify({ generation, state, confirmedTimeMs: 99 }))

  test('comes when the feed reports this generation', async () => {
    const confirmed = confirm({})
    await report(4, 'paused')
    setTimeout(() => void report(5, 'paused'), 100)
    expect(await confirmed).toEqual({ confirmedTimeMs: 99, isHeld: false })
  })

  test('comes with a newer generation too', async () => {
    await report(6, 'active')
    expect(await confirm({})).toEqual({ confirmedTimeMs: 99, isHeld: false })
  })

  test.each([5, 6])(
    'says that an active market is held where the feed has it paused at %i and everything is',
    async (at) => {
      await redis.set(EVERYTHING_KEY, 'paused 1')
      await report(at, 'paused')
      expect(await confirm({ state: 'active' })).toEqual({ confirmedTimeMs: 99, isHeld: true })
      expect(await confirm({ state: 'paused' })).toEqual({ confirmedTimeMs: 99, isHeld: false })
    },
  )

  test('does not take an older pause, or one of which the switch knows nothing, for that', async () => {
    await redis.set(EVERYTHING_KEY, 'paused 1')
    await report(4, 'paused')
    let isAnswered = false
    const confirmed = confirm({ state: 'active' }).finally(() => (isAnswered = true))
    await sleep(100)
    await redis.set(EVERYTHING_KEY, 'active 2')
    await report(5, 'paused')
    await sleep(500)
    expect(isAnswered).toBe(false)
    await report(5, 'active')
    expect(await confirmed).toEqual({ confirmedTimeMs: 99, isHeld: false })
  })

  test('fails as unconfirmed after 10 s, and may be tried again', async () => {
    await report(4, 'paused')
    const startedTimeMs = Date.now()
    await expect(confirm({})).rejects.toMatchObject({ type: 'Unconfirmed', nonRetryable: false })
    expect(Date.now() - startedTimeMs).toBeGreaterThan(9_500)
  })
})

describe('an override', () => {
  const record = (state: 'active' | 'paused' | 'stopped', waitedMs: number, isPublished = true): Promise<void> =>
    new MockActivityEnvironment({ scheduledTimestampMs: Date.now() - waitedMs }).run(
      createOverrideActivities({ pool: database.pool }).recordOverride,
      { marketId: 'none', state, isPublished },
    )
  const missing = (nonRetryable: boolean) => ({ type: 'NoSuchRow', nonRetryable })

  test('waits for its row, and clearing one does not', async () => {
    await record('active', 0)
    await expect(record('stopped', 0)).rejects.toMatchObject(missing(false))
    await expect(record('paused', 3_600_000)).rejects.toMatchObject(missing(false))
  })

  test('of a stop waits for a minute, and not at all where no row is to come', async () => {
    await expect(record('stopped', 59_000)).rejects.toMatchObject(missing(false))
    await expect(record('stopped', 61_000)).rejects.toMatchObject(missing(true))
    await expect(record('stopped', 0, false)).rejects.toMatchObject(missing(true))
  })
})
