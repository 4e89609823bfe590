import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import type { Stats } from '../lib/stats.ts'
import { countOpenByKind } from '../store/feed-alerts.ts'

type StandingDeps = { pool: Pool; redis: Redis; stats: Stats }

const numberIn = (info: string, name: string): number | undefined => {
  const digits = new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Managed servers may leave out what is not theirs to tell. */
const lookAtMemory = async ({ redis, stats }: StandingDeps): Promise<void> => {
  const info = await redis.info('memory')
  const usedBytes = numberIn(info, 'used_memory')
  const limitBytes = numberIn(info, 'maxmemory') || numberIn(info, 'total_system_memory')
  if (usedBytes !== undefined) stats.set('redisMemoryBytes', usedBytes)
  if (limitBytes !== undefined) stats.set('redisMemoryLimitBytes', limitBytes)
}

/** Kinds that had an open alert before and have none now are 0, not forgotten. */
const lookAtAlerts = async ({ pool, stats }: StandingDeps, seen: Set<string>): Promise<void> => {
  const counts = await countOpenByKind(pool)
  for (const kind of counts.keys()) seen.add(kind)
  for (const kind of seen) stats.set(`feedAlertsOpenOf:${kind}`, counts.get(kind) ?? 0)
}

/**
 * One look at what stands in Postgres and Redis for all processes.
 *
 * @throws Error of the first that does not answer, after both were asked.
 */
export const createStandingLook = (deps: StandingDeps): (() => Promise<void>) => {
  const seen = new Set<string>()
  return async () => {
    const looks = await Promise.allSettled([lookAtAlerts(deps, seen), lookAtMemory(deps)])
    for (const look of looks) if (look.status === 'rejected') throw look.reason
  }
}
