import type { Redis } from 'ioredis'
import type pg from 'pg'
import { DESIRED_CHANNEL, EVERYTHING_KEY } from '../domain/keys.ts'
import { everythingText, type Everything } from '../domain/switch.ts'
import { readSwitch } from '../store/switches.ts'

/** KEYS: the copy. ARGV: text, generation, channel. An older turn than the one that stands is an echo: ignored. */
const COPY_SCRIPT = `
local standing = redis.call('get', KEYS[1])
local generation = standing and tonumber(string.match(standing, ' (%d+)$')) or -1
if generation >= tonumber(ARGV[2]) then return 0 end
redis.call('set', KEYS[1], ARGV[1])
redis.call('publish', ARGV[3], '*')
return 1
`

/** Writes the copy that the feeds read, unless a newer one stands. */
export const publishSwitch = async (redis: Redis, everything: Everything): Promise<void> => {
  const given = [everythingText(everything), everything.generation, DESIRED_CHANNEL]
  await redis.eval(COPY_SCRIPT, 1, EVERYTHING_KEY, ...given)
}

/** For a Redis that was emptied: what an operator switched outlives it. */
export const restoreSwitch = async (redis: Redis, pool: pg.Pool): Promise<void> =>
  publishSwitch(redis, await readSwitch(pool))
