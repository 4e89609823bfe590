import { expect, test } from 'vitest'
import { MARKETS_STREAM } from '../../src/domain/keys.ts'
import { createAppender, createEpoch } from '../../src/stream/append.ts'
import { createFlow, gammaText, signing } from '../support/normalizer-flow.ts'
import { committed, until } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, start } = await openStores()

const resolvedAt = async (marketId: string) =>
  (await database.pool.query<{ resolved_at: Date | null }>('select resolved_at from markets where market_id = $1', [marketId])).rows[0]?.resolved_at?.getTime() // prettier-ignore

/** What a connection of its own hears. */
const broadcast = async (messages: object[]): Promise<void> => {
  const frames = messages.map((message) => ({ kind: 'websocket' as const, receivedTimeMs: Date.now(), sourceReceivedTimeMs: undefined, text: JSON.stringify(message) })) // prettier-ignore
  const appender = createAppender({ redis, signing, shardCount: 1 })
  await appender.append([{ stream: MARKETS_STREAM, epoch: createEpoch(), firstOrdinal: 1, frames }])
}

const timeMs = Date.now()
const announced = (id: string) => ({ event_type: 'new_market', id, market: `0x${id}`, slug: `s-${id}`, question: '?', assets_ids: ['1', '2'], outcomes: ['Yes', 'No'], timestamp: String(timeMs) }) // prettier-ignore
const resolved = (id: string, by: number) => ({ event_type: 'market_resolved', id, winning_asset_id: '1', timestamp: String(timeMs + by) }) // prettier-ignore

test('a broadcast that every connection hears is processed once, also after a restart', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('51')])
  {
    await using shard = start()
    await broadcast([announced('51'), announced('52'), resolved('51', 0)])
    await broadcast([announced('51'), resolved('51', 5), announced('52')])
    await committed({ redis, pool: database.pool }, MARKETS_STREAM)
    await broadcast([resolved('51', 7), announced('51')])
    await committed({ redis, pool: database.pool }, MARKETS_STREAM)
    expect(shard.stats.read()).toMatchObject({ newMarkets: 2, dedupHits: 5 })
    expect(await resolvedAt('51')).toBe(timeMs)
    await until('what was seen is in the bitmap', async () => (await redis.keys('seen:broadcasts:*')).length > 0)
  }
  await using shard = start()
  await broadcast([resolved('51', 9), announced('51')])
  await committed({ redis, pool: database.pool }, MARKETS_STREAM)
  expect(shard.stats.read()['newMarkets']).toBeUndefined()
  expect(shard.stats.read()['dedupHits']).toBe(2)
  expect(await resolvedAt('51')).toBe(timeMs)
})

test('with the bitmaps lost, a resolution keeps its first time', async () => {
  await redis.del(...(await redis.keys('seen:*')))
  await using _shard = start()
  await broadcast([resolved('51', 20)])
  await committed({ redis, pool: database.pool }, MARKETS_STREAM)
  expect(await resolvedAt('51')).toBe(timeMs)
})
