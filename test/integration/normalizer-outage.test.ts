import type { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenToFills } from '../support/fill-messages.ts'
import { createFlow, gammaText } from '../support/normalizer-flow.ts'
import { openCommitCutter } from '../support/normalizer-proxy.ts'
import { close, committed, expectExact, startShard, until } from '../support/normalizer-shard.ts'
import { openPostgres, openRedis, type TestPostgres, type TestRedis } from '../support/services.ts'

let server: TestRedis
let postgres: TestPostgres
let redis: Redis
let pool: pg.Pool

beforeAll(async () => {
  ;[server, postgres] = await Promise.all([openRedis(), openPostgres()])
  redis = server.connect()
  redis.on('error', () => undefined)
  pool = new pg.Pool({ connectionString: postgres.url })
  pool.on('error', () => undefined)
})
afterAll(async () => {
  redis.disconnect()
  await pool.end()
  await Promise.all([close(server), close(postgres)])
})

const addresses = () => ({ redisUrl: server.url, databaseUrl: postgres.url })
const tables = () => ({ redis, pool })

test('Postgres restarted in mid-stream, with a parked stream beside: it goes on by itself, nothing lost, nothing twice', async () => {
  await using shard = startShard(addresses())
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('41')])
  await flow.books('41')
  await flow.books('42')
  await flow.changes('41', 50)
  await committed(tables(), 'orderbook:41')
  for (const how of ['stop', 'kill'] as const) {
    let isDown = true
    const restarted = postgres.restart(2_000, how).finally(() => (isDown = false))
    while (isDown) {
      await flow.changes('41', 10)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await restarted
  }
  await flow.changes('41', 20)
  await flow.catalogue([gammaText('42')])
  const [rows = []] = await expectExact(tables(), flow, '41')
  expect(rows.filter((row) => row.kind !== 'change')).toHaveLength(1)
  await expectExact(tables(), flow, '42')
  expect(await Promise.race([shard.ended, Promise.resolve('running')])).toBe('running')
})

test('a connection that is cut between COMMIT and its answer costs nothing and repeats nothing', async () => {
  const address = new URL(postgres.url)
  await using cutter = await openCommitCutter(Number(address.port))
  address.port = String(cutter.port)
  const messages = await listenToFills(server)
  await using shard = startShard({ redisUrl: server.url, databaseUrl: address.href })
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('43')])
  await flow.books('43')
  for (let round = 1; round <= 5; round++) {
    await committed(tables(), 'orderbook:43')
    cutter.cutNext()
    await flow.changes('43', 10)
    await flow.trade('43', '0xcc')
    await until('the COMMIT was cut', () => cutter.cuts() === round)
    await flow.changes('43', 10)
  }
  await expectExact(tables(), flow, '43')
  const fills = await pool.query<{ ordinal: number }>(
    "select ordinal from fills where market_id = '43' order by ordinal",
  )
  expect(fills.rows.map((row) => row.ordinal)).toEqual([0, 1, 2, 3, 4])
  await until('each fill is said once', () => messages.length >= 5)
  expect(messages.map(({ ordinal }) => ordinal)).toEqual([0, 1, 2, 3, 4])
  expect(shard.stats.read()['commitsFoundDone']).toBeGreaterThan(0)
})

test('Redis restarted in mid-stream: it goes on by itself, and the cache is written again', async () => {
  await using shard = startShard(addresses())
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('44'), gammaText('45')])
  for (const marketId of ['44', '45']) await flow.books(marketId)
  await flow.changes('44', 50)
  await flow.changes('45', 50)
  await expectExact(tables(), flow, '45')
  // As if the restart had lost them: nothing else would write this quiet market again.
  await redis.del('ladder:45:0:bid', 'ladder:45:0:ask', 'quote:45')
  await server.restart(2_000)
  await flow.changes('44', 50)
  await expectExact(tables(), flow, '44')
  await until('the quiet market is in the cache again', async () => (await redis.exists('quote:45')) === 1)
  await expectExact(tables(), flow, '45')
  expect(await Promise.race([shard.ended, Promise.resolve('running')])).toBe('running')
})
