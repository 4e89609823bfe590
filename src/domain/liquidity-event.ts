import type { Side } from './book-side.ts'

/** Those that come through the normalizer's batch: see the comments of the table `liquidity_events` for each type and its units. */
type LiquidityEventType =
  | 'market_created'
  | 'market_closed'
  | 'market_resolved'
  | 'market_paused'
  | 'market_resumed'
  | 'market_stopped'
  | 'liquidity_added'
  | 'liquidity_removed'
  | 'liquidity_traded'
  | 'gap_opened'
  | 'gap_closed'

/** Absent where the type has none; decimals are texts. `identity` tells apart what is equal in all else. */
export type LiquidityEvent = {
  marketId: string
  type: LiquidityEventType
  observedTimeMs: number
  source: 'market_channel' | 'subscription' | 'new_market' | 'market_resolved' | 'gamma'
  identity: string
  outcomeId?: string
  side?: Side
  amountText?: string
  priceText?: string
  detail?: Record<string, unknown>
}
