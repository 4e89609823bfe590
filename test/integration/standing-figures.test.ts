import { expect, test } from 'vitest'
import { followStanding } from '../../src/activities/standing-figures.ts'
import { UNSHED } from '../../src/cost/budget.ts'
import type { Estimate } from '../../src/cost/estimate.ts'
import { createStats } from '../../src/lib/stats.ts'
import { changeCostShed } from '../../src/store/cost-shed.ts'
import { createDatabase, openRedis } from '../support/services.ts'

const RAISE = `
insert into feed_alerts (kind, subject, reason, detail, markets_count)
select kind, subject, 'no_report', '', 0
from (values ('trades', 'trades:0'), ('partitions', 'partitions:a'), ('partitions', 'partitions:b')) v (kind, subject)`

/** `lookMs`: longer than a machine that is busy with other tests makes an answer wait. */
const openStage = async ({ lookMs = 30_000 } = {}) => {
  const database = await createDatabase()
  const server = await openRedis()
  const redis = server.connect()
  redis.on('error', () => undefined)
  const stats = createStats({ lookMs })
  followStanding({ pool: database.pool, redis }, stats)
  return {
    database,
    server,
    redis,
    stats,
    [Symbol.asyncDispose]: async () => {
      redis.disconnect()
      await Promise.all([server[Symbol.asyncDispose](), database[Symbol.asyncDispose]()])
    },
  }
}

test('alerts that stand are told by kind, as 0 where there are none and once they have recovered', async () => {
  await using stage = await openStage()
  const { database, stats } = stage
  await database.pool.query(RAISE)
  expect(await stats.readAll()).toMatchObject({
    'feedAlertsOpenOf:trades': 1,
    'feedAlertsOpenOf:partitions': 2,
    'feedAlertsOpenOf:archive': 0,
  })
  await database.pool.query(`update feed_alerts set recovered_at = now() where kind = 'partitions'`)
  expect(await stats.readAll()).toMatchObject({ 'feedAlertsOpenOf:trades': 1, 'feedAlertsOpenOf:partitions': 0 })
})

const estimated = (perThousandFrames: Record<string, number>): Estimate => ({
  parts: { redis_commands: 2_500_000 },
  totalMicrodollars: 2_500_000,
  perThousandFrames,
  actionsPerHour: { heartbeat: 4 },
  framesPerHour: 0,
  storedBytesPerMonth: 0,
  coldBytesPerMonth: 0,
})

test('costs are those that any control process reckoned last, and without frames none are told of a thousand of them', async () => {
  await using stage = await openStage()
  const { database, stats } = stage
  expect(await stats.readAll()).toMatchObject({ costTier: 0 })
  const reckon = (estimate: Estimate) =>
    changeCostShed(database.pool, () => ({ state: { ...UNSHED, tier: 2 }, levels: 4, estimate }))
  await reckon(estimated({ rows: 3 }))
  const told = { costTier: 2, 'costDollarsPerMonth:redis_commands': 2.5, 'temporalActionsPerHour:heartbeat': 4 }
  expect(await stats.readAll()).toMatchObject({ ...told, 'costPerThousandFrames:rows': 3 })
  await reckon(estimated({}))
  const figures = await stats.readAll()
  expect(figures).toMatchObject(told)
  expect(figures).not.toHaveProperty('costPerThousandFrames:rows')
})

test("the limit of Redis's memory is its own, else its machine's", async () => {
  await using stage = await openStage()
  const { redis, stats } = stage
  const { redisMemoryBytes: usedBytes = 0, redisMemoryLimitBytes: machineBytes = 0 } = await stats.readAll()
  expect(usedBytes).toBeGreaterThan(100_000)
  expect(machineBytes).toBeGreaterThan(100 * usedBytes)
  await redis.config('SET', 'maxmemory', '64mb')
  expect((await stats.readAll())['redisMemoryLimitBytes']).toBe(64 * 1024 * 1024)
})

test('a Redis that hangs says nothing, and hides nothing that Postgres says', async () => {
  await using stage = await openStage({ lookMs: 4_000 })
  const { server, stats } = stage
  process.kill(server.pid(), 'SIGSTOP')
  const figures = await stats.readAll()
  process.kill(server.pid(), 'SIGCONT')
  expect(figures['feedAlertsOpenOf:trades']).toBe(0)
  expect(figures).not.toHaveProperty('redisMemoryBytes')
  expect(figures['looksLost']).toBe(1)
})
