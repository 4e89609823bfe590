import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import type { Config } from '../config.ts'
import type { Reporter } from '../domain/heartbeat.ts'
import type { Observation } from '../domain/observation.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import type { SigningKeys } from '../stream/entry.ts'

/** `report` is told of every change of a market's state; it must not wait. */
export type NormalizerDeps = {
  redis: Redis
  connectRedis: () => Redis
  pool: Pool
  config: Config
  signing: SigningKeys
  heartbeats: Reporter
  log: Logger
  stats: Stats
  report: (observation: Observation) => void
  /** How long the bitmaps of what was seen are waited for, in ms. */
  dedupAnswerMs?: number
}
