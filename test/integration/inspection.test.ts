import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { createInspectionActivities, type MarketFigures } from '../../src/activities/inspection.ts'
import { createFlow, gammaText } from '../support/normalizer-flow.ts'
import { expectWithin, timed } from '../support/quickest.ts'
import { committed } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, start, tables } = await openStores()
const { pool } = database
const flow = createFlow(redis)

const record = async (marketId: string): Promise<void> => {
  await flow.catalogue([gammaText(marketId)])
  await flow.books(marketId)
  await flow.changes(marketId, 20)
  await committed(tables(), `orderbook:${marketId}`)
}

describe('inspect', () => {
  const inspect = (asked: pg.Pool, marketId: string): Promise<MarketFigures> =>
    createInspectionActivities({ redis, pool: asked, shardCount: 1 }).inspectMarket({ marketId, group: 0 })

  test('tells the last frame, sequences and proof of each outcome, the gaps of today, and what waits', async () => {
    await redis.hset('confirmed:0', '66', JSON.stringify({ generation: 7, state: 'active', confirmedTimeMs: 1 }))
    {
      await using _shard = start()
      await record('66')
      await flow.gap('66', 'disconnect')
      await flow.changes('66', 5)
      await committed(tables(), 'orderbook:66')
    }
    await flow.changes('66', 10)
    const { quote, subscription, stream, gapsToday, latency } = await inspect(pool, '66')
    expect(quote).toMatchObject({ state: 'unverified' })
    expect(subscription).toEqual({ state: 'active', generation: 7, confirmedTimeMs: 1 })
    expect(stream).toMatchObject({ waitingEntries: 2 })
    if ('unavailable' in stream) throw new Error(stream.unavailable)
    expect(stream.ageMs).toBeLessThan(60_000)
    expect(stream.outcomes.map(({ outcomeId, status }) => [outcomeId, status])).toEqual([
      ['66:0', 'gap'],
      ['66:1', 'gap'],
    ])
    for (const { sequence, verifiedSequence } of stream.outcomes) {
      expect(verifiedSequence).toBeGreaterThan(0)
      expect(sequence, 'the gap took one').toBe((verifiedSequence ?? 0) + 1)
    }
    if ('unavailable' in gapsToday) throw new Error(gapsToday.unavailable)
    expect(gapsToday.count).toBe(2)
    expect(gapsToday.seconds).toBeGreaterThan(0)
    expect(gapsToday.open.map(({ outcomeId, reason }) => [outcomeId, reason])).toEqual([
      ['66:0', 'disconnect'],
      ['66:1', 'disconnect'],
    ])
    expect(latency).toMatchObject({ shard: 0, lastChangeMs: expect.any(Number) as number })
  })

  test('finds the subscription of a market in the group that it was moved to, whatever its workflow knows', async () => {
    await redis.hset('feed_groups', '67', 3)
    await redis.hset('confirmed:3', '67', JSON.stringify({ generation: 2, state: 'paused', confirmedTimeMs: 1 }))
    expect((await inspect(pool, '67')).subscription).toEqual({ state: 'paused', generation: 2, confirmedTimeMs: 1 })
  })

  test('says which part is unavailable and tells the others, within 5 s', async () => {
    const mute = createServer().listen(0, '127.0.0.1')
    await once(mute, 'listening')
    const silent = new pg.Pool({ port: (mute.address() as AddressInfo).port, host: '127.0.0.1' })
    silent.on('error', () => undefined)
    const told: MarketFigures[] = []
    await expectWithin('figures without Postgres', 5_000, () =>
      timed(async () => told.push(await inspect(silent, '66'))),
    )
    // A machine that stood still makes another part late too, but not each time.
    expect(told).toContainEqual(
      expect.objectContaining({
        gapsToday: { unavailable: 'Postgres: no answer within 2500 ms' },
        quote: expect.objectContaining({ state: 'unverified' }) as unknown,
        subscription: expect.objectContaining({ generation: 7 }) as unknown,
      }),
    )
    mute.close()
  })
})
