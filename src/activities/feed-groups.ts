import type { Redis } from 'ioredis'
import { desiredKey, FEED_GROUPS_KEY } from '../domain/keys.ts'

/**
 * Groups that need a feed: those with markets, and those whose feed was ended before it read that its last market has gone.
 * Only a feed clears that, and until then the market cannot come back and takes room. New markets come at most to the group
 * after the highest: what lies beyond is in nobody's way.
 */
export const readFeedGroups = async (redis: Redis): Promise<number[]> => {
  const used = new Set((await redis.hvals(FEED_GROUPS_KEY)).map(Number))
  const holes = Array.from({ length: Math.max(-1, ...used) + 2 }, (_, group) => group).filter(
    (group) => !used.has(group),
  )
  const sizes = await Promise.all(holes.map((group) => redis.hlen(desiredKey(group))))
  return [...used, ...holes.filter((_, at) => (sizes[at] ?? 0) > 0)]
}
