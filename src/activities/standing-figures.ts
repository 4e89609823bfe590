import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { FEED_KINDS } from '../domain/heartbeat.ts'
import type { AlertKind } from '../heartbeats/silence.ts'
import type { Look, Stats } from '../lib/stats.ts'
import { readCostShed } from '../store/cost-shed.ts'
import { countOpenByKind } from '../store/feed-alerts.ts'
import { costFigures } from './cost-figures.ts'

type StandingDeps = { pool: Pool; redis: Redis }

const KINDS: readonly AlertKind[] = [...FEED_KINDS, 'partitions', 'archive']

const alertsOpen =
  ({ pool }: StandingDeps): Look =>
  async () => {
    const counts = await countOpenByKind(pool)
    return KINDS.map((kind) => [`feedAlertsOpenOf:${kind}`, counts.get(kind) ?? 0])
  }

const numbersIn = (info: string, name: string): number[] =>
  [...info.matchAll(new RegExp(`^${name}:(\\d+)`, 'gm'))].map((match) => Number(match[1]))

/** Managed servers may leave out what is not theirs to tell: then nothing is told. */
const memoryOfRedis =
  ({ redis }: StandingDeps): Look =>
  async () => {
    const info = await redis.info('memory')
    const limits = ['maxmemory', 'total_system_memory'].flatMap((name) => numbersIn(info, name))
    const limitBytes = limits.find((bytes) => bytes > 0)
    const used = numbersIn(info, 'used_memory').map((bytes): [string, number] => ['redisMemoryBytes', bytes])
    return limitBytes === undefined ? used : [...used, ['redisMemoryLimitBytes', limitBytes]]
  }

/** Whichever control process reckoned last: each shows the same. */
const costs =
  ({ pool }: StandingDeps): Look =>
  async () =>
    costFigures(await readCostShed(pool))

/** What stands in Postgres and Redis for all processes, looked up when somebody scrapes. */
export const followStanding = (deps: StandingDeps, stats: Stats): void => {
  stats.follow(alertsOpen(deps))
  stats.follow(memoryOfRedis(deps))
  stats.follow(costs(deps))
}
