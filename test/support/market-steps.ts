import type { Market } from '../../src/domain/market.ts'
import type { MarketChange } from '../../src/domain/market-change.ts'

export const START_MS = Date.UTC(2026, 10, 1)
export const TICKS = ['0.1', '0.01', '0.001']
export type Status = Market['status']

export type Step = { waitMs: number } & (
  | { source: 'gamma'; tickSize: string; status: Status; feeBps: number | undefined; negRisk: boolean }
  | { source: 'new_market'; tickSize: string | undefined }
  | { source: 'tick_size_change'; tickSize: string }
  | { source: 'market_resolved' }
)

const marketOf = (marketId: string, step: Extract<Step, { source: 'gamma' }>): Market => ({
  marketId,
  conditionId: '0x1',
  slug: 's',
  question: '?',
  status: step.status,
  outcomes: [],
  feeBps: step.feeBps,
  endTimeMs: undefined,
  tickSize: step.tickSize,
  minOrderSize: '5.0',
  negRisk: step.negRisk,
  version: undefined,
})

export const changesOf = (marketId: string, steps: Step[]): MarketChange[] => {
  let timeMs = START_MS
  return steps.map((step): MarketChange => {
    timeMs += step.waitMs
    const head = { marketId, receivedTimeMs: timeMs, exchangeTimeMs: timeMs - 7 }
    switch (step.source) {
      case 'gamma':
        return { ...head, source: step.source, market: marketOf(marketId, step) }
      case 'new_market': {
        const named = { conditionId: '0x1', slug: 's', question: '?', version: undefined, eventSlug: 'e', tags: ['t'] }
        return { ...head, source: step.source, announced: { ...named, tickSize: step.tickSize, feeBps: undefined } }
      }
      case 'tick_size_change':
        return { ...head, source: step.source, tickSize: step.tickSize }
      case 'market_resolved':
        return { ...head, source: step.source }
    }
  })
}

/** What is known after the first so many steps, looked up in all of them anew. */
export const knownAfter = (steps: Step[]) => {
  if (steps.length === 0) return undefined
  const catalogued = steps.filter((step) => step.source === 'gamma')
  const last = catalogued.at(-1)
  const announced = steps[0]?.source === 'new_market' ? steps[0] : undefined
  const ticks = steps.filter((step, index) => {
    if (step.source === 'tick_size_change') return true
    if (step.source !== 'gamma') return step === announced
    const before = steps.slice(0, index).findLast((one) => one.source === 'gamma')
    return before?.tickSize !== step.tickSize
  })
  const tick = ticks.at(-1)
  const isResolved = steps.some((step) => step.source === 'market_resolved' || (step.source === 'gamma' && step.status === 'resolved')) // prettier-ignore
  return {
    status: isResolved ? 'resolved' : (last?.status ?? (announced === undefined ? null : 'active')),
    tick_size: tick !== undefined && 'tickSize' in tick && tick.tickSize !== undefined ? tick.tickSize : null,
    fee_bps: last?.feeBps ?? null,
    neg_risk: last?.negRisk ?? null,
    min_order_size: last === undefined ? null : '5',
    event_slug: announced === undefined ? null : 'e',
    gamma_tick_size: last?.tickSize ?? null,
  }
}

/** Whether the catalogue ever said that a market is closed that was not resolved by then. */
export const isClosedIn = (steps: Step[]): boolean =>
  steps.some((_, index) => knownAfter(steps.slice(0, index + 1))?.status === 'closed')
