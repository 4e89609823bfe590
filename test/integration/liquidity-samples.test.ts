import { MockActivityEnvironment } from '@temporalio/testing'
import { expect, test } from 'vitest'
import { createCatalogueActivities } from '../../src/activities/catalogue.ts'
import { createCataloguePublisher } from '../../src/activities/publish-catalogue.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { openOffsets } from '../../src/store/offsets.ts'
import { ensurePartition } from '../../src/store/partitions.ts'
import { createAppender } from '../../src/stream/append.ts'
import { createPace } from '../../src/venue/polymarket/gamma-pace.ts'
import { createGamma } from '../../src/venue/polymarket/gamma.ts'
import { signing } from '../support/normalizer-flow.ts'
import { openStores } from '../support/normalizer-stores.ts'
import { gammaObject, openStandInGamma } from '../workflows/support/stand-in-gamma.ts'

const { database, redis } = await openStores()

test('each pass over the catalogue samples the liquidity of recorded markets: what changed is a row, what did not is none', async () => {
  await using venue = await openStandInGamma([1, 2, 3, 4])
  const stats = createStats()
  const gamma = createGamma({
    baseUrl: venue.url,
    timeoutMs: 20_000,
    attempts: 1,
    pace: createPace({ requests: 1_000, periodMs: 1_000 }),
  })
  const publisher = createCataloguePublisher({ redis, appender: createAppender({ redis, signing, shardCount: 1 }) })
  const log = createLog('test', 'silent')
  const { refreshMarkets } = createCatalogueActivities({ gamma, publisher, pool: database.pool, log, stats })
  const refresh = () => new MockActivityEnvironment().run(refreshMarkets)
  const today = Math.floor(Date.now() / 86_400_000)
  for (const day of [today - 1, today, today + 1]) await ensurePartition(database.pool, day)
  await openOffsets(database.pool, [1, 2, 3].map((id) => `orderbook:${id}`)) // prettier-ignore
  const say = (id: number, more: Record<string, unknown>): unknown =>
    venue.markets.set(String(id), gammaObject(id, more))
  const samples = async (): Promise<string[]> => {
    const { rows } = await database.pool.query<{ said: string }>(
      `select market_id || ' ' || trim_scale(amount) as said from liquidity_events
       where type = 'liquidity_sampled' and source = 'gamma' order by observed_at, market_id`,
    )
    return rows.map(({ said }) => said)
  }
  say(1, { liquidity: '1234.56789' })
  say(2, { liquidityNum: 70 })
  say(3, { liquidity: 'much', liquidityNum: null })
  say(4, { liquidity: '5' })
  await refresh()
  await refresh()
  expect(await samples()).toEqual(['1 1234.56789', '2 70'])
  say(1, { liquidity: 1200.5 })
  await refresh()
  expect(await samples()).toEqual(['1 1234.56789', '2 70', '1 1200.5'])
  await database.pool.query(`update liquidity_events set observed_at = observed_at - interval '61 minutes'`)
  await refresh()
  expect((await samples()).slice(3)).toEqual(['1 1200.5', '2 70'])
  expect(stats.read()['liquiditySamplesFailed'] ?? 0).toBe(0)
})
