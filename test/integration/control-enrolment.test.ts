import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createEnrolment } from '../../src/activities/enrolment.ts'
import { createSubscriptionActivities } from '../../src/activities/subscription.ts'
import { confirmedKey, DESIRED_CHANNEL, desiredKey, FEED_GROUPS_KEY, quoteKey } from '../../src/domain/keys.ts'
import type { DesiredSubscription } from '../../src/domain/subscription.ts'
import { openRedis, type TestRedis } from '../support/services.ts'
import { until } from '../workflows/support/control-plane.ts'

let server: TestRedis
let redis: Redis
let ensured: number[] = []
beforeAll(async () => {
  server = await openRedis()
  redis = server.connect()
})
afterAll(async () => {
  redis.disconnect()
  await server[Symbol.asyncDispose]()
})
beforeEach(async () => {
  ensured = []
  await redis.flushall()
})

const card = (marketId: string) => ({
  marketId,
  conditionId: '0x1',
  slug: `slug-${marketId}`,
  question: `Question ${marketId}?`,
  tokens: [`${marketId}1`, `${marketId}2`],
})
const deps = (marketsPerFeed: number) => ({
  redis,
  marketsPerFeed,
  bookDepth: 7,
  ensureFeed: async (group: number) => {
    ensured.push(group)
    for (const [marketId, text] of Object.entries(await redis.hgetall(desiredKey(group)))) {
      const { state, generation } = JSON.parse(text) as DesiredSubscription
      await redis.hset(confirmedKey(group), marketId, JSON.stringify({ state, generation, confirmedTimeMs: 1 }))
    }
  },
})
const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index))

describe('the enrolment of many markets', () => {
  test('fills the groups one after the other, gives each a feed, and announces each once a call', async () => {
    const listener = server.connect()
    const heard: string[] = []
    listener.on('message', (_, group) => heard.push(group))
    await listener.subscribe(DESIRED_CHANNEL)
    const enrolled = await createEnrolment(deps(100)).enrol(ids(1_000).map(card))
    const sizes = await Promise.all(ids(11).map((group) => redis.hlen(desiredKey(Number(group)))))
    expect(sizes).toEqual([...Array.from({ length: 10 }, () => 100), 0])
    expect(enrolled.size).toBe(1_000)
    expect(new Set(ensured)).toEqual(new Set(ids(10).map(Number)))
    await until(async () => new Set(heard).size === 10)
    expect(heard.length).toBeLessThanOrEqual(14)
    listener.disconnect()
  })

  test('writes what the workflow would have written, older than any that runs', async () => {
    const enrolment = createEnrolment(deps(100))
    const enrolled = await enrolment.enrol([card('7')])
    const { slug: _slug, question: _question, ...expected } = card('7')
    const desire = await enrolment.desireOf('7')
    expect(desire).toMatchObject({ ...expected, state: 'active', depth: 7, generation: enrolled.get('7')?.generation })
    expect(desire?.generation).toBeLessThan(Date.now() - 5_000)
  })

  test('leaves a market alone that has a desire, and fills the place of one that left', async () => {
    const { applySubscription, forgetSubscription } = createSubscriptionActivities(deps(2))
    const paused: DesiredSubscription = { ...card('a'), state: 'paused', depth: 0, generation: 5 }
    await applySubscription(paused)
    await applySubscription({ ...card('b'), state: 'active', depth: 0, generation: 5 })
    await forgetSubscription({ marketId: 'b', group: 0, generation: 5 })
    const enrolment = createEnrolment(deps(2))
    const enrolled = await enrolment.enrol(['a', 'c', 'd'].map(card))
    expect([...enrolled].map(([marketId, { group }]) => [marketId, group])).toEqual([
      ['c', 0],
      ['d', 1],
    ])
    expect(await enrolment.desireOf('a')).toMatchObject({ state: 'paused', depth: 0, generation: 5 })
    expect(new Set(await enrolment.enrolledIds())).toEqual(new Set(['a', 'c', 'd']))
  })

  test('goes on after 5 s when no feed comes', async () => {
    const startedTimeMs = Date.now()
    const enrolment = createEnrolment({ redis, marketsPerFeed: 2, bookDepth: 0, ensureFeed: async () => undefined })
    expect((await enrolment.enrol([card('a')])).size).toBe(1)
    expect(Date.now() - startedTimeMs).toBeGreaterThanOrEqual(4_900)
  })

  test('writes a desire that was lost into the group that the market has', async () => {
    await redis.hset(FEED_GROUPS_KEY, 'a', 4)
    expect((await createEnrolment(deps(2)).enrol([card('a')])).get('a')?.group).toBe(4)
    expect(await redis.hexists(desiredKey(4), 'a')).toBe(1)
  })

  test('tells what stands of a market by now, and what the hot cache says of it', async () => {
    const enrolment = createEnrolment(deps(2))
    const written = (await enrolment.enrol([card('a')])).get('a')
    if (written === undefined) throw new Error('a was not enrolled')
    expect(await enrolment.standing('a', written)).toEqual({ ...written, observed: undefined })
    await redis.hset(quoteKey('a'), { state: 'live', sequence: '7', updated_at: '1795463399893' })
    const observed = { marketId: 'a', state: 'live', sequence: 7 }
    expect(await enrolment.standing('a', written)).toMatchObject({ group: written.group, observed })
    expect(await enrolment.standing('a', { ...written, generation: 1 })).toBeUndefined()
    await redis.hdel(desiredKey(written.group), 'a')
    expect(await enrolment.standing('a', written)).toBeUndefined()
  })

  test('gives of many markets those that are live first, and those without a book last', async () => {
    const setLive = (marketIds: string[]): Promise<unknown> =>
      Promise.all(marketIds.map((marketId) => redis.hset(quoteKey(marketId), 'state', 'live')))
    const all = ids(60)
    await setLive(all.slice(20, 40))
    const seen: string[][] = []
    for await (const marketIds of createEnrolment(deps(100)).asBooksCome(all)) {
      if (seen.length === 0) await setLive(all.slice(40))
      seen.push(marketIds)
    }
    expect(seen).toEqual([all.slice(20, 40), all.slice(40), all.slice(0, 20)])
  })

  test('gives a few markets at once', async () => {
    const seen: string[][] = []
    for await (const marketIds of createEnrolment(deps(100)).asBooksCome(['a', 'b'])) seen.push(marketIds)
    expect(seen).toEqual([['a', 'b']])
  })
})
