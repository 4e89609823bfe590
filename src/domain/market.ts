/** One side of a market's question. `outcomeId` is `<marketId>:<index>`; `token` is the venue's id of it. */
export type Outcome = { outcomeId: string; name: string; token: string }

/**
 * What polytape knows of a market. Decimals are texts as the venue sends them, instants are epoch ms.
 * Source: Gamma `/markets`, or the `new_market` broadcast.
 */
export type Market = {
  marketId: string
  conditionId: string
  slug: string
  question: string
  status: MarketStatus
  outcomes: Outcome[]
  /** Base points of the taker fee; undefined where the venue does not say. */
  feeBps: number | undefined
  endTimeMs: number | undefined
  tickSize: string
  minOrderSize: string
  negRisk: boolean
  /** `v2` for "positionId" markets, whose book hash has an eleventh field. */
  version: 'v2' | undefined
  /** Final, as Gamma says it; absent while it does not. */
  resolution?: Resolution | undefined
}

/** `payouts`: of a share of each outcome, in their order, 0 to 1: `["1", "0"]`, `["0.5", "0.5"]`. */
export type Resolution = { payouts: string[]; resolvedTimeMs: number | undefined }

/** How a market ended: payouts by outcome as far as they are known; `resolvedAt` is ISO. */
export type MarketEnd = { resolvedAt: string | undefined; payouts: (string | null)[] }

type MarketStatus = 'active' | 'closed' | 'resolved'

/** What an operator asks of a market. */
export type DesiredState = 'active' | 'paused' | 'stopped'

export const MARKET_STATES = ['starting', 'live', 'unverified', 'stale', 'paused', 'stopped', 'resolved'] as const

/** Search attribute `MarketState`, and field `state` of the hash `quote:<marketId>`. */
export type MarketState = (typeof MARKET_STATES)[number]

export const outcomeIdOf = (marketId: string, index: number): string => `${marketId}:${index}`

/** Shard of a market: stable, and even over consecutive ids (FNV-1a). */
export const shardOf = (marketId: string, shardCount: number): number => {
  let hash = 0x811c9dc5
  for (let at = 0; at < marketId.length; at++) hash = Math.imul(hash ^ marketId.charCodeAt(at), 0x01000193)
  return (hash >>> 0) % shardCount
}
