import type { Redis } from 'ioredis'
import { DESIRED_CHANNEL } from '../domain/keys.ts'

/**
 * KEYS: the copy. ARGV: text, which ends with the generation; generation, channel. An older turn than the one that stands is
 * an echo: ignored.
 */
const COPY_SCRIPT = `
local standing = redis.call('get', KEYS[1])
local generation = standing and tonumber(string.match(standing, ' (%d+)$')) or -1
if generation >= tonumber(ARGV[2]) then return 0 end
redis.call('set', KEYS[1], ARGV[1])
redis.call('publish', ARGV[3], '*')
return 1
`

/** Writes the copy of a switch over all markets, which the feeds read, unless a newer one stands. */
export const publishCopy = async (redis: Redis, key: string, text: string, generation: number): Promise<void> => {
  await redis.eval(COPY_SCRIPT, 1, key, text, generation, DESIRED_CHANNEL)
}
