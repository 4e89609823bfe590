import { fromMillionths } from '../domain/decimal.ts'
import type { LiquidityEvent } from '../domain/liquidity-event.ts'
import type { MarketProgress } from '../domain/progress.ts'
import type { Batch, FrameContext } from '../normalizer/batch.ts'
import type { OutcomeTape } from '../normalizer/outcome-tape.ts'
import type { LevelLiquidity } from './liquidity.ts'

const DAY_MS = 86_400_000

/** Adds an event to a batch, and its day, whose partition must be there. */
export const addLiquidity = (batch: Batch, event: LiquidityEvent): void => {
  batch.liquidity.push(event)
  batch.days.add(Math.floor(event.observedTimeMs / DAY_MS))
}

/** What a level gained and lost within a second: up to three events. */
export const levelEvents = (marketId: string, outcomeId: string, level: LevelLiquidity): LiquidityEvent[] => {
  const { side, price, startTimeMs: observedTimeMs, part, added, removed, traded } = level
  const priceText = fromMillionths(price)
  const identity = part === 0 ? '' : String(part)
  const common = { marketId, outcomeId, side, priceText, observedTimeMs, source: 'market_channel', identity } as const
  const events: LiquidityEvent[] = []
  if (added > 0) events.push({ ...common, type: 'liquidity_added', amountText: fromMillionths(added) })
  if (removed > 0) events.push({ ...common, type: 'liquidity_removed', amountText: fromMillionths(removed) })
  if (traded > 0) events.push({ ...common, type: 'liquidity_traded', amountText: fromMillionths(traded) })
  return events
}

type Gap = { sequence: number; observedTimeMs: number }

export const gapEvent = (
  { marketId, outcome: { outcomeId } }: OutcomeTape,
  type: 'gap_opened' | 'gap_closed',
  { sequence, observedTimeMs }: Gap,
): LiquidityEvent => ({
  marketId,
  outcomeId,
  type,
  observedTimeMs,
  source: 'market_channel',
  identity: String(sequence),
  detail: { gap_sequence: sequence },
})

const SUBSCRIPTION_TYPES = { active: 'market_resumed', paused: 'market_paused', stopped: 'market_stopped' } as const

export const subscriptionEvent = (
  marketId: string,
  subscription: MarketProgress['subscription'],
  { frame, entryId, ordinal }: FrameContext,
): LiquidityEvent => ({
  marketId,
  type: SUBSCRIPTION_TYPES[subscription],
  observedTimeMs: frame.receivedTimeMs,
  source: 'subscription',
  identity: `${entryId}/${ordinal}`,
})
