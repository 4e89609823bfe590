import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { SHED_KEY } from '../domain/keys.ts'
import { shedText, type Shed } from '../domain/shed.ts'
import { readCostShed } from '../store/cost-shed.ts'
import { publishCopy } from './switch-copy.ts'

/** Writes the copy that the feeds read, unless a newer one stands. */
export const publishShed = (redis: Redis, shed: Shed): Promise<void> =>
  publishCopy(redis, SHED_KEY, shedText(shed), shed.generation)

/** For a Redis that was emptied. */
export const restoreShed = async (redis: Redis, pool: Pool): Promise<void> =>
  publishShed(redis, (await readCostShed(pool)).shed)
