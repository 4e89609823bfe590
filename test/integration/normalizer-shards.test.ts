import { expect, test } from 'vitest'
import { readyKey } from '../../src/domain/keys.ts'
import { shardOf } from '../../src/domain/market.ts'
import { createFlow, gammaText, type Flow } from '../support/normalizer-flow.ts'
import { committed, expectExact, until } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, start, tables } = await openStores()

const MARKETS = ['21', '22', '23', '24', '25', '26']
const EXACTLY = MARKETS.filter((marketId) => shardOf(marketId, 2) === 1)

const append = async (flow: Flow, count: number): Promise<void> => {
  for (const marketId of MARKETS) await flow.changes(marketId, count)
}
const expectAllExact = async (flow: Flow): Promise<void> => {
  for (const marketId of MARKETS) await expectExact(tables(), flow, marketId)
}
const gaps = async (): Promise<number> => (await database.pool.query('select from feed_gaps')).rowCount ?? 0

test('streams follow a count of shards that grows and shrinks: each row once, no gap, whatever the feeds still count', async () => {
  expect(EXACTLY.length).toBeGreaterThan(0)
  expect(EXACTLY.length).toBeLessThan(MARKETS.length)
  const flow = createFlow(redis)
  {
    await using _only = start()
    await flow.catalogue(MARKETS.map((marketId) => gammaText(marketId)))
    for (const marketId of MARKETS) await flow.books(marketId)
    await append(flow, 40)
    await expectAllExact(flow)
  }
  // Nobody reads: what a feed notes now, it notes for the shard that will not have it.
  await append(flow, 20)
  {
    await using first = start(0, 2)
    await using second = start(1, 2)
    await expectAllExact(flow)
    const before = Date.now()
    await append(flow, 20)
    await expectAllExact(flow)
    // Passed on at once, and not found by the next sweep.
    expect(Date.now() - before).toBeLessThan(20_000)
    expect(first.stats.read()['streamsPassedOn']).toBeGreaterThan(0)
    expect(second.stats.read()['streamsPassedOn'] ?? 0).toBe(0)
    await until('its figures are told', () => second.stats.read()['tokensWithBook'] === EXACTLY.length * 2)
  }
  await append(flow, 20)
  {
    await using only = start()
    await expectAllExact(flow)
    await until('one shard has all books', () => only.stats.read()['tokensWithBook'] === MARKETS.length * 2)
  }
  expect(await gaps()).toBe(0)
})

test('a shard beyond the present count writes nothing, and passes on what is noted for it', async () => {
  const [marketId = ''] = EXACTLY
  await using _first = start(0, 1)
  await using beyond = start(1, 1)
  await redis.zadd(readyKey(1), Date.now(), `orderbook:${marketId}`)
  await until('it was passed on', () => (beyond.stats.read()['streamsPassedOn'] ?? 0) > 0)
  await committed(tables(), `orderbook:${marketId}`)
  expect(beyond.stats.read()['rows'] ?? 0).toBe(0)
})
