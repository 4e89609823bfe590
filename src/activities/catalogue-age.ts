import type { Redis } from 'ioredis'
import { CATALOG_SUBJECT } from '../domain/heartbeat.ts'
import { HEARTBEATS_KEY } from '../domain/keys.ts'

/** By the heartbeat of the last whole pass, and by Redis's clock, which stamped it: whoever made that pass. */
export const createCatalogueAge = (redis: Redis) => async (): Promise<[string, number][]> => {
  const [stamped, [seconds, microseconds]] = await Promise.all([
    redis.hget(HEARTBEATS_KEY, CATALOG_SUBJECT),
    redis.time(),
  ])
  if (stamped === null) return []
  const nowMs = Number(seconds) * 1_000 + Number(microseconds) / 1_000
  return [['catalogueAgeMs', Math.max(0, nowMs - Number.parseInt(stamped, 10))]]
}
