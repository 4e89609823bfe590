import { Redis } from 'ioredis'
import pg from 'pg'
import type { NormalizerDeps } from '../../src/activities/normalizer-deps.ts'
import { readConfig } from '../../src/config.ts'
import { createReports, type Reports } from '../../src/heartbeats/reporter.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { signing } from './normalizer-flow.ts'

export type Addresses = { redisUrl: string; databaseUrl: string }

/** What the activity needs, with clients set as the product sets them. */
export const openDeps = (
  { redisUrl, databaseUrl }: Addresses,
  more: NodeJS.ProcessEnv = {},
): NormalizerDeps & AsyncDisposable & { heartbeats: Reports } => {
  const clients: Redis[] = []
  const connect = (maxRetriesPerRequest: number | null): Redis => {
    const client = new Redis(redisUrl, { maxRetriesPerRequest, retryStrategy: () => 100 })
    client.on('error', () => undefined)
    clients.push(client)
    return client
  }
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4, connectionTimeoutMillis: 5_000 })
  pool.on('error', () => undefined)
  return {
    redis: connect(3),
    connectRedis: () => connect(null),
    pool,
    config: readConfig({ CHECKPOINT_EVERY_CHANGES: '40', ...more }),
    signing,
    heartbeats: createReports(),
    log: createLog('normalizer', process.env['LOG_LEVEL'] ?? 'silent'),
    stats: createStats(),
    report: () => undefined,
    // A machine that is busy with other tests makes a late answer, which changes what is counted.
    dedupAnswerMs: 5_000,
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.disconnect()
      await pool.end()
    },
  }
}
