import type { Redis } from 'ioredis'
import { desiredKey, EVERYTHING_KEY } from '../domain/keys.ts'
import { toEverything } from '../domain/switch.ts'
import { toDesired } from '../feed/market.ts'
import { readFeedGroups } from './feed-groups.ts'

type RecordedDeps = {
  redis: Redis
  /** So long a market is followed after it was left: its last fills may still come. */
  lingerMs: number
  /** Of a clock that is never set back. */
  elapsedMs: () => number
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
export const createRecorded = ({ redis, lingerMs, elapsedMs }: RecordedDeps): (() => Promise<ReadonlySet<string>>) => {
  const activeAtMs = new Map<string, number>()
  let readAtMs = -Infinity
  return async () => {
    const nowMs = elapsedMs()
    if (nowMs - readAtMs < READ_EVERY_MS) return new Set(activeAtMs.keys())
    for (const conditionId of await readActive(redis)) activeAtMs.set(conditionId, nowMs)
    for (const [conditionId, atMs] of activeAtMs) {
      if (nowMs - atMs > lingerMs) activeAtMs.delete(conditionId)
    }
    readAtMs = nowMs
    return new Set(activeAtMs.keys())
  }
}
