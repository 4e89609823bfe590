import type { LiquidityEvent } from '../domain/liquidity-event.ts'
import type { MarketChange, MarketFacts } from '../domain/market-change.ts'

const sourceOf = ({ source }: MarketChange): LiquidityEvent['source'] =>
  source === 'tick_size_change' ? 'market_channel' : source

const detailOf = (change: MarketChange): { detail?: Record<string, unknown> } => {
  if (change.source !== 'gamma' || change.market.resolution === undefined) return {}
  return { detail: { payouts: change.market.resolution.payouts } }
}

/**
 * What a change that says something new makes of a market: created, where it is the first word of it; closed or resolved,
 * where it was not before. A resolution is final and a first word comes once, so each is told once.
 */
export const marketEvents = (
  change: MarketChange,
  before: MarketFacts | undefined,
  after: MarketFacts,
): LiquidityEvent[] => {
  const { marketId, receivedTimeMs: observedTimeMs } = change
  const event = { marketId, observedTimeMs, source: sourceOf(change), identity: '' }
  const events: LiquidityEvent[] = before === undefined ? [{ ...event, type: 'market_created' }] : []
  if (after.status === before?.status) return events
  if (after.status === 'closed') events.push({ ...event, type: 'market_closed' })
  if (after.status === 'resolved') events.push({ ...event, type: 'market_resolved', ...detailOf(change) })
  return events
}
