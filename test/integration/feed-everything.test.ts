import { setTimeout as sleep } from 'node:timers/promises'
import { MockActivityEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEverythingActivities, type EverythingAnswer } from '../../src/activities/everything.ts'
import { restoreSwitch } from '../../src/activities/everything-copy.ts'
import { createShared, openFeedGroup } from '../../src/activities/feed-group.ts'
import { EVERYTHING_KEY, FEED_GROUPS_KEY, orderbookStream } from '../../src/domain/keys.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'
import { expectWithin } from '../support/quickest.ts'
import { framesOf, markersOf, openBench, readStream, until, websocketTexts, type Bench } from './feed-support.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

/** What the product waits for is less: how long it takes is measured, and a machine may be slow. */
const CONFIRM_WITHIN_MS = 120_000

const turning = ({ redis }: Bench, confirmWithinMs = CONFIRM_WITHIN_MS) =>
  createEverythingActivities({ redis, pool: database.pool, confirmWithinMs })

/** What the workflow `setEverything` does, without its workflow. */
const setEverything = async (
  bench: Bench,
  state: 'active' | 'paused',
  confirmWithinMs = CONFIRM_WITHIN_MS,
): Promise<EverythingAnswer> => {
  const activities = turning(bench, confirmWithinMs)
  const turn = await activities.turnEverything({ state })
  return new MockActivityEnvironment().run(activities.confirmEverything, turn)
}

const place = (bench: Bench, marketIds: string[], group = 0): Promise<number> =>
  bench.redis.hset(FEED_GROUPS_KEY, Object.fromEntries(marketIds.map((marketId) => [marketId, String(group)])))

const reasonsOf = async (bench: Bench, marketId: string): Promise<string[]> =>
  markersOf(await readStream(bench.redis, orderbookStream(marketId))).map((marker) =>
    marker.type === 'gap' ? `${marker.reason}: ${marker.detail}` : marker.type,
  )

test('pausing everything stops every market, and resuming leaves alone what was paused by hand', async () => {
  await using bench = await openBench({ marketCount: 20, rate: 500 })
  const [byHand = '', ...others] = bench.marketIds
  await place(bench, bench.marketIds)
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  await bench.desire([byHand], 'paused')
  await bench.confirmed([byHand], 'paused')

  await expectWithin('everything is paused', 2_000, async (attempt) => {
    if (attempt > 0) await setEverything(bench, 'active')
    const paused = await setEverything(bench, 'paused')
    expect(paused).toMatchObject({ state: 'paused', feeds: 1, markets: 19, tokens: 38 })
    return paused.effectiveMs
  })
  const before = framesOf(await bench.entries()).length
  await sleep(1_000)
  expect(framesOf(await bench.entries()).length).toBe(before)
  expect((await reasonsOf(bench, others[0] ?? '')).slice(-2)).toEqual(['paused: everything is paused', 'unsubscribed'])

  expect(await setEverything(bench, 'active')).toMatchObject({ state: 'active', feeds: 1, markets: 19, tokens: 38 })
  const seen = async (marketId: string): Promise<string[]> =>
    websocketTexts(await readStream(bench.redis, orderbookStream(marketId)))
  const [handCount, counts] = [(await seen(byHand)).length, await Promise.all(others.map(async (id) => (await seen(id)).length))] // prettier-ignore
  await until('every other market brings frames again', async () => {
    const now = await Promise.all(others.map(async (id) => (await seen(id)).length))
    return now.every((count, at) => count > (counts[at] ?? 0))
  })
  expect((await seen(byHand)).length).toBe(handCount)
  const kinds = framesOf(await readStream(bench.redis, orderbookStream(others[0] ?? ''))).map(({ kind }) => kind)
  expect(kinds.slice(kinds.lastIndexOf('rest') - 1).filter((kind) => kind === 'rest').length).toBeGreaterThan(0)
})

test('a feed that starts while everything is paused opens no socket, and says so in every stream', async () => {
  await using bench = await openBench({ marketCount: 3 })
  await bench.feed.close('another one starts')
  await place(bench, bench.marketIds)
  await bench.desire(bench.marketIds, 'active')
  await turning(bench).turnEverything({ state: 'paused' })
  // Redis was emptied: Postgres remembers.
  await bench.redis.del(EVERYTHING_KEY)
  await restoreSwitch(bench.redis, database.pool)
  const feed = openFeedGroup({ ...bench.deps, ...createShared(bench.deps), group: 0 })
  await until('the pause is in the streams', async () => (await bench.entries()).length === 3)
  expect(bench.emulator.ledger().connections).toEqual([])
  expect(await reasonsOf(bench, bench.marketIds[0] ?? '')).toEqual(['paused: everything is paused'])
  expect((await setEverything(bench, 'active')).markets).toBe(3)
  expect(bench.emulator.ledger().connections.length).toBe(1)
  await feed.close('test ends')
})

test('a feed that does not confirm is named, the switch stays turned, and a newer turn supersedes an older one', async () => {
  await using bench = await openBench({ marketCount: 2 })
  await place(bench, bench.marketIds, 7)
  const activities = turning(bench)
  const turn = await activities.turnEverything({ state: 'paused' })
  const waiting = new MockActivityEnvironment().run(activities.confirmEverything, turn)
  await sleep(200)
  await activities.turnEverything({ state: 'active' })
  await expect(waiting).rejects.toMatchObject({ type: 'Superseded', nonRetryable: true })
  await expect(setEverything(bench, 'active', 500)).rejects.toThrow(/1 feed groups have not confirmed it .*\(7\)/)
  expect((await database.pool.query('select name, state from operator_switches')).rows).toEqual([
    { name: 'everything', state: 'active' },
  ])
})

test('2,000 markets of 20 feeds are paused within 2 s, and all are back within 10 s', async () => {
  await using bench = await openBench({ marketCount: 2_000, rate: 500, levelCount: 5 })
  const shared = createShared(bench.deps)
  const groups = Array.from({ length: 20 }, (_, group) => bench.marketIds.slice(group * 100, group * 100 + 100))
  const feeds = groups.slice(1).map((_, at) => openFeedGroup({ ...bench.deps, ...shared, group: at + 1 }))
  for (const [group, ids] of groups.entries()) {
    await place(bench, ids, group)
    await bench.desire(ids, 'active', 0, { group })
  }
  expect((await setEverything(bench, 'active')).markets).toBe(2_000)
  await expectWithin('2,000 markets are paused', 2_000, async (attempt) => {
    if (attempt > 0) await setEverything(bench, 'active')
    const paused = await setEverything(bench, 'paused')
    expect(paused).toMatchObject({ feeds: 20, markets: 2_000, tokens: 4_000 })
    return paused.effectiveMs
  })
  const lengths = async (): Promise<number> => {
    const pipeline = bench.redis.pipeline()
    for (const marketId of bench.marketIds) pipeline.xlen(orderbookStream(marketId))
    return ((await pipeline.exec()) ?? []).reduce((sum, [, length]) => sum + Number(length), 0)
  }
  const before = await lengths()
  await sleep(1_000)
  expect(await lengths()).toBe(before)
  await expectWithin('2,000 markets are back', 10_000, async (attempt) => {
    if (attempt > 0) await setEverything(bench, 'paused')
    return (await setEverything(bench, 'active')).effectiveMs
  })
  await Promise.all(feeds.map((feed) => feed.close('test ends')))
})
