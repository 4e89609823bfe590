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

type LevelType = 'liquidity_added' | 'liquidity_removed' | 'liquidity_traded'

/** What a level gained and lost within a second: up to three events. Nothing is spread: that costs several µs an event. */
export const levelEvents = (marketId: string, outcomeId: string, level: LevelLiquidity): LiquidityEvent[] => {
  const { side, price, startTimeMs: observedTimeMs, part, added, removed, traded } = level
  const priceText = fromMillionths(price)
  const identity = part === 0 ? '' : String(part)
  const events: LiquidityEvent[] = []
  const add = (type: LevelType, size: number): void => {
    if (size === 0) return
    const amountText = fromMillionths(size)
    const source = 'market_channel'
    events.push({ marketId, outcomeId, type, side, amountText, priceText, observedTimeMs, source, identity })
  }
  add('liquidity_added', added)
  add('liquidity_removed', removed)
  add('liquidity_traded', traded)
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
