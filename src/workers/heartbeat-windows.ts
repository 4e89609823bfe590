import type { Config } from '../config.ts'
import type { Windows } from '../heartbeats/silence.ts'

/** For how long nothing may come of each kind, in ms: alerts and `/readyz` go by the same. */
export const windowsOf = (config: Config): Windows => ({
  market_channel: config.HEARTBEAT_WINDOW_MS_MARKET_CHANNEL,
  normalizer: config.HEARTBEAT_WINDOW_MS_NORMALIZER,
  catalog: config.HEARTBEAT_WINDOW_MS_CATALOG,
  liveness: config.HEARTBEAT_WINDOW_MS_LIVENESS,
  redis: config.HEARTBEAT_WINDOW_MS_REDIS,
  trades: config.HEARTBEAT_WINDOW_MS_TRADES,
})
