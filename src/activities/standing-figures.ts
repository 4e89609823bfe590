import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { FEED_KINDS } from '../domain/heartbeat.ts'
import type { AlertKind } from '../heartbeats/silence.ts'
import { within } from '../lib/every.ts'
import type { Look, Stats } from '../lib/stats.ts'
import { countOpenByKind } from '../store/feed-alerts.ts'

type StandingDeps = { pool: Pool; redis: Redis }

const KINDS: readonly AlertKind[] = [...FEED_KINDS, 'partitions', 'archive']
/** A server that hangs must not keep whoever scrapes from all other figures. */
const ANSWER_MS = 1_000

const alertsOpen =
  ({ pool }: StandingDeps): Look =>
  async () => {
    const counts = await within(countOpenByKind(pool), ANSWER_MS, 'Postgres does not answer')
    return KINDS.map((kind) => [`feedAlertsOpenOf:${kind}`, counts.get(kind) ?? 0])
  }

const numbersIn = (info: string, name: string): number[] =>
  [...info.matchAll(new RegExp(`^${name}:(\\d+)`, 'gm'))].map((match) => Number(match[1]))

/** Managed servers may leave out what is not theirs to tell: then nothing is told. */
const memoryOfRedis =
  ({ redis }: StandingDeps): Look =>
  async () => {
    const info = await within(redis.info('memory'), ANSWER_MS, 'Redis does not answer')
    const limits = ['maxmemory', 'total_system_memory'].flatMap((name) => numbersIn(info, name))
    const limitBytes = limits.find((bytes) => bytes > 0)
    const used = numbersIn(info, 'used_memory').map((bytes): [string, number] => ['redisMemoryBytes', bytes])
    return limitBytes === undefined ? used : [...used, ['redisMemoryLimitBytes', limitBytes]]
  }

/** What stands in Postgres and Redis for all processes, looked up when somebody scrapes. */
export const followStanding = (deps: StandingDeps, stats: Stats): void => {
  stats.follow(alertsOpen(deps))
  stats.follow(memoryOfRedis(deps))
}
