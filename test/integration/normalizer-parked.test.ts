import { expect, test } from 'vitest'
import { createResync } from '../../src/activities/normalizer-resync.ts'
import { CATALOGUE_DIGEST_KEY } from '../../src/domain/keys.ts'
import { createStats } from '../../src/lib/stats.ts'
import { openRedis } from '../support/services.ts'

test('a market that stays parked loses its digest, so that the catalogue publishes it again; others keep theirs', async () => {
  await using server = await openRedis()
  const redis = server.connect()
  await redis.hset(CATALOGUE_DIGEST_KEY, { '1': 'a', '2': 'b' })
  const resync = createResync(redis, createStats())
  await resync.askForMarkets(['1'], 1_000)
  await resync.askForMarkets(['1'], 10_999)
  expect(await redis.hkeys(CATALOGUE_DIGEST_KEY)).toEqual(['1', '2'])
  await resync.askForMarkets(['1'], 11_000)
  expect(await redis.hkeys(CATALOGUE_DIGEST_KEY)).toEqual(['2'])
  redis.disconnect()
})
