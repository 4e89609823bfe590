import type { Redis } from 'ioredis'
import { createRedisScript } from '../lib/redis-script.ts'

/** Counted there: an entry may hold a hundred frames. */
const countScript = createRedisScript(`return #redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])`)

/** Entries of a stream after an id, at most `most`; none where there is no such stream. */
export const countEntriesAfter = async (redis: Redis, stream: string, afterId: string, most: number): Promise<number> =>
  Number(await countScript(redis, [stream], [`(${afterId}`, most]))

/** Whether a stream has entries after an id. */
export const unreadIn =
  (redis: Redis) =>
  async (stream: string, afterId: string): Promise<boolean> =>
    (await countEntriesAfter(redis, stream, afterId, 1)) > 0
