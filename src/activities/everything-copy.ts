import type { Redis } from 'ioredis'
import type pg from 'pg'
import { EVERYTHING_KEY } from '../domain/keys.ts'
import { everythingText, type Everything } from '../domain/switch.ts'
import { readSwitch } from '../store/switches.ts'
import { publishCopy } from './switch-copy.ts'

/** Writes the copy that the feeds read, unless a newer one stands. */
export const publishSwitch = (redis: Redis, everything: Everything): Promise<void> =>
  publishCopy(redis, EVERYTHING_KEY, everythingText(everything), everything.generation)

/** For a Redis that was emptied: what an operator switched outlives it. */
export const restoreSwitch = async (redis: Redis, pool: pg.Pool): Promise<void> =>
  publishSwitch(redis, await readSwitch(pool))
