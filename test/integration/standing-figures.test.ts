import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { createStandingLook } from '../../src/activities/standing-figures.ts'
import { createStats } from '../../src/lib/stats.ts'
import { createDatabase, openRedis } from '../support/services.ts'

const RAISE = `
insert into feed_alerts (kind, subject, reason, detail, markets_count)
select kind, subject, 'no_report', '', 0
from (values ('trades', 'trades:0'), ('partitions', 'partitions:a'), ('partitions', 'partitions:b')) v (kind, subject)`

test('alerts that stand are told by kind, and as 0 once they have recovered', async () => {
  await using database = await createDatabase()
  await using server = await openRedis()
  const redis = server.connect()
  const stats = createStats()
  const look = createStandingLook({ pool: database.pool, redis, stats })
  await database.pool.query(RAISE)
  await look()
  expect(stats.read()).toMatchObject({ 'feedAlertsOpenOf:trades': 1, 'feedAlertsOpenOf:partitions': 2 })
  await database.pool.query(`update feed_alerts set recovered_at = now() where kind = 'partitions'`)
  await look()
  expect(stats.read()).toMatchObject({ 'feedAlertsOpenOf:trades': 1, 'feedAlertsOpenOf:partitions': 0 })
  redis.disconnect()
})

test("the limit of Redis's memory is its own, else its machine's; Postgres is asked though Redis is away", async () => {
  await using database = await createDatabase()
  await using server = await openRedis()
  const redis = new Redis(server.url, { maxRetriesPerRequest: 0, retryStrategy: () => null })
  redis.on('error', () => undefined)
  const stats = createStats()
  const look = createStandingLook({ pool: database.pool, redis, stats })
  await look()
  const { redisMemoryBytes: usedBytes = 0, redisMemoryLimitBytes: machineBytes = 0 } = stats.read()
  expect(usedBytes).toBeGreaterThan(100_000)
  expect(machineBytes).toBeGreaterThan(100 * usedBytes)
  await redis.config('SET', 'maxmemory', '64mb')
  await look()
  expect(stats.read()['redisMemoryLimitBytes']).toBe(64 * 1024 * 1024)
  await server.kill()
  await database.pool.query(RAISE)
  await expect(look()).rejects.toThrow()
  expect(stats.read()['feedAlertsOpenOf:trades']).toBe(1)
})
