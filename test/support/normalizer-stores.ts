import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { afterAll } from 'vitest'
import { close, startShard, type RunningShard } from './normalizer-shard.ts'
import { createDatabase, openRedis, type TestDatabase, type TestRedis } from './services.ts'

type Stores = {
  server: TestRedis
  database: TestDatabase
  redis: Redis
  addresses: { redisUrl: string; databaseUrl: string }
  /** A normalizer of shard 0 on them, or of another one among several. */
  start: (shard?: number, shardCount?: number) => RunningShard
  tables: () => { redis: Redis; pool: Pool }
}

/** A Redis and a database of a test file's own, until its tests are over. To be awaited at the file's top. */
export const openStores = async (): Promise<Stores> => {
  const [server, database] = await Promise.all([openRedis(), createDatabase()])
  const redis = server.connect()
  afterAll(async () => {
    redis.disconnect()
    await Promise.all([close(server), database[Symbol.asyncDispose]()])
  })
  const addresses = { redisUrl: server.url, databaseUrl: database.url }
  return {
    server,
    database,
    redis,
    addresses,
    start: (shard, shardCount = 1) => startShard(addresses, shard, { NORMALIZER_SHARDS: String(shardCount) }),
    tables: () => ({ redis, pool: database.pool }),
  }
}
