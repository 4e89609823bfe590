import { MarketRules } from '../../src/alerts/market-rules.ts'
import type { FrameKind } from '../../src/domain/frame.ts'
import type { RuleRow, Standing } from '../../src/alerts/rule.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'
import { fillKey } from '../../src/normalizer/fill-key.ts'
import { ruleOf } from './alert-rule.ts'
import { createAlertVenue } from './alert-venue.ts'
import { tokensOf } from './normalizer-flow.ts'
import { newTape, newTapeOf, testMarket, type JudgeLimits } from './normalizer-tape.ts'

export const NEW: Standing = { state: 'armed', crossing: 0, lastFiredTimeMs: undefined }
export const tradeRule = (given: Partial<RuleRow> = {}): RuleRow =>
  ruleOf({ condition: 'trade_size_above', threshold: '1', ...given })

export const openRules = (tape = newTape()) => {
  let [cappedCount, fillCount] = [0, 0]
  const waiting = new Set<MarketRules>()
  const onWaiting = (rules: MarketRules): void => void waiting.add(rules)
  const rules = new MarketRules(tape, { fillKey, now: Date.now, onCapped: () => (cappedCount += 1), onWaiting })
  /** A trade of two shares that was received then, of its own transaction. */
  const trade = (capturedTimeMs: number, batch: Batch): void => {
    fillCount += 1
    const fill = {
      marketId: '9',
      outcomeId: '9:0',
      side: 'buy' as const,
      priceText: '0.5',
      sizeText: '2',
      transactionHash: `0x${fillCount}`,
      capturedTimeMs,
      exchangeTimeMs: capturedTimeMs,
      sourceReceivedTimeMs: undefined,
      ordinal: 0,
      epoch: 'e',
    }
    for (const { afterFill } of tape.listeners) afterFill?.(fill, batch)
  }
  return { rules, trade, capped: () => cappedCount, waiting }
}

/** A market whose rules see every frame of a venue with right hashes. */
export const openVenue = (limits: JudgeLimits = {}) => {
  const marketId = '1000'
  const outcomes = tokensOf(marketId).map((token, at) => ({ outcomeId: `${marketId}:${at}`, name: 'n', token }))
  const { tape } = newTapeOf(
    { ...testMarket, marketId, conditionId: `0x${marketId.padStart(64, '0')}`, outcomes },
    limits,
  )
  const batch = newBatch()
  const clock = { receivedTimeMs: Date.now() }
  let ordinal = 0
  const read = (text: string, kind: FrameKind = 'websocket'): void => {
    ordinal += 1
    const frame = { kind, ...clock, sourceReceivedTimeMs: undefined, text }
    tape.apply({ stream: tape.stream, id: `${ordinal}-0`, epoch: 'e', firstOrdinal: ordinal, frames: [frame] }, batch)
    tape.proveEarly(batch)
  }
  const venue = createAlertVenue({ append: async (_, frames) => read(frames[0]?.[1] ?? '') })
  /** A frame that says nothing of a book. */
  const beat = (): void => read('{"type":"asked","tokens":[]}', 'marker')
  return { marketId, tape, batch, clock, venue, beat }
}
