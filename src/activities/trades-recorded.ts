import type { Redis } from 'ioredis'
import { desiredKey, EVERYTHING_KEY } from '../domain/keys.ts'
import { toEverything } from '../domain/switch.ts'
import { toDesired } from '../feed/market.ts'
import { readFeedGroups } from './feed-groups.ts'

type RecordedDeps = {
  redis: Redis
  /** So long a market is followed after it was left: its last fills may still come. */
  lingerMs: number
  now: () => number
}

const READ_EVERY_MS = 5_000

const readActive = async (redis: Redis): Promise<string[]> => {
  const [everything, groups] = await Promise.all([redis.get(EVERYTHING_KEY), readFeedGroups(redis)])
  if (toEverything(everything)?.state === 'paused') return []
  const texts = await Promise.all(groups.map((group) => redis.hvals(desiredKey(group))))
  return texts.flat().flatMap((text) => {
    const desired = toDesired(text)
    return desired?.state === 'active' ? [desired.conditionId] : []
  })
}

/** Condition ids of the markets that are recorded, and of those that were a while ago; read anew at most every 5 s. */
export const createRecorded = ({ redis, lingerMs, now }: RecordedDeps): (() => Promise<ReadonlySet<string>>) => {
  const activeTimesMs = new Map<string, number>()
  let readTimeMs = -Infinity
  return async () => {
    const nowMs = now()
    if (nowMs - readTimeMs < READ_EVERY_MS) return new Set(activeTimesMs.keys())
    for (const conditionId of await readActive(redis)) activeTimesMs.set(conditionId, nowMs)
    for (const [conditionId, timeMs] of activeTimesMs) {
      if (nowMs - timeMs > lingerMs) activeTimesMs.delete(conditionId)
    }
    readTimeMs = nowMs
    return new Set(activeTimesMs.keys())
  }
}
