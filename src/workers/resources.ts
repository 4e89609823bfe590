import { loadClientConnectConfig } from '@temporalio/envconfig'
import { NativeConnection } from '@temporalio/worker'
import type { Redis } from 'ioredis'
import pg from 'pg'
import type { Config } from '../config.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import type { SigningKeys } from '../stream/entry.ts'
import { createPostgresMeter } from './postgres-meter.ts'
import { hostOf, openRedis } from './redis-connection.ts'
import { createRedisMeter } from './redis-meter.ts'
import { followSigningKeys, loadSigningKeys } from './signing-keys.ts'
import { reasonOf, untilReachable, type Dependency } from './until-reachable.ts'

/** Everything a role holds open. */
export type Resources = AsyncDisposable & {
  /** Commands fail after a few attempts, so that whoever waits can decide. */
  redis: Redis
  /** A further connection, for blocking reads and subscriptions; closed with the rest. */
  connectRedis: () => Redis
  pool: pg.Pool
  temporal: NativeConnection
  namespace: string
  signing: SigningKeys
}

const openPool = (url: string, log: Logger, stats: Stats): pg.Pool => {
  const meter = createPostgresMeter(stats)
  const pool = new pg.Pool({
    connectionString: url,
    max: 8,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    application_name: 'polytape',
    log: meter.log,
  })
  meter.watch(pool)
  // Without a listener, a restart of the server would end the process.
  pool.on('error', (error) => log.warn(`lost an idle Postgres connection: ${reasonOf(error)}`))
  return pool
}

const connectTemporal = async (
  log: Logger,
  signal: AbortSignal,
): Promise<{ temporal: NativeConnection; namespace: string }> => {
  const { connectionOptions, namespace } = loadClientConnectConfig()
  const temporal = await untilReachable(
    {
      name: `Temporal at ${connectionOptions.address ?? '127.0.0.1:7233'}`,
      remedy: 'Start it, or set TEMPORAL_ADDRESS.',
      attempt: () => NativeConnection.connect(connectionOptions),
    },
    log,
    signal,
  )
  return { temporal, namespace: namespace ?? 'default' }
}

type Given = { config: Config; log: Logger; stats: Stats }

/** Waits until all three answer. */
export const openResources = async ({ config, log, stats }: Given, signal: AbortSignal): Promise<Resources> => {
  const { STREAM_HMAC_KEY, STREAM_HMAC_KEYS_OLD, POLYTAPE_STATE_DIR } = config
  const signing = await loadSigningKeys(STREAM_HMAC_KEY, POLYTAPE_STATE_DIR, STREAM_HMAC_KEYS_OLD)
  if (STREAM_HMAC_KEY === undefined) followSigningKeys(signing, POLYTAPE_STATE_DIR, log, signal)
  const opened = new Set<Redis>()
  const meter = createRedisMeter(stats)
  const open = (attempts: number | null): Redis => {
    const redis = openRedis(config.REDIS_URL, { attempts }, log)
    meter(redis)
    opened.add(redis)
    redis.once('end', () => opened.delete(redis))
    return redis
  }
  const redis = open(3)
  const pool = openPool(config.DATABASE_URL, log, stats)
  const close = async (temporal?: NativeConnection): Promise<void> => {
    for (const connection of opened) connection.disconnect()
    await Promise.allSettled([pool.end(), temporal?.close()])
  }
  try {
    const connecting = connectTemporal(log, signal)
    await Promise.all([connecting, ...databases(config, redis, pool).map((one) => untilReachable(one, log, signal))])
    const { temporal, namespace } = await connecting
    const connectRedis = (): Redis => open(null)
    return { redis, connectRedis, pool, temporal, namespace, signing, [Symbol.asyncDispose]: () => close(temporal) }
  } catch (error) {
    await close()
    throw error
  }
}

const databases = (config: Config, redis: Redis, pool: pg.Pool): Dependency<unknown>[] => [
  {
    name: `Redis at ${hostOf(config.REDIS_URL)}`,
    remedy: 'Start it, or set REDIS_URL.',
    attempt: () => redis.ping(),
  },
  {
    name: `Postgres at ${hostOf(config.DATABASE_URL)}`,
    remedy: 'Start it, or set DATABASE_URL.',
    attempt: () => pool.query('select 1'),
  },
]
