import { expect, test } from 'vitest'
import { MarketRules } from '../../src/alerts/market-rules.ts'
import type { RuleRow, Standing } from '../../src/alerts/rule.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'
import { fillKey } from '../../src/normalizer/fill-key.ts'
import { ruleOf } from '../support/alert-rule.ts'
import { newTape } from '../support/normalizer-tape.ts'

const NEW: Standing = { state: 'armed', crossing: 0, lastFiredTimeMs: undefined }
const tradeRule = (given: Partial<RuleRow> = {}): RuleRow =>
  ruleOf({ condition: 'trade_size_above', threshold: '1', ...given })

const openRules = () => {
  const tape = newTape()
  let [cappedCount, fillCount] = [0, 0]
  const rules = new MarketRules(tape, { fillKey, now: Date.now, onCapped: () => (cappedCount += 1) })
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
  return { rules, trade, capped: () => cappedCount }
}

test('without a cooldown a trade that was received before the last that fired counts too', () => {
  const { rules, trade } = openRules()
  const batch = newBatch()
  rules.set(tradeRule(), NEW)
  for (const timeMs of [1_000, 999]) trade(timeMs, batch)
  expect(batch.alertEvents.map(({ crossing }) => crossing)).toEqual([1, 2])
  expect(batch.alertStates.get('1')?.lastFiredTimeMs).toBe(1_000)
})

test('a rule that Postgres fired meanwhile goes on from there, and one that is known better here from here', () => {
  const { rules, trade } = openRules()
  const batch = newBatch()
  rules.set(ruleOf({ condition: 'feed_stale' }), NEW)
  rules.set(tradeRule(), { state: 'armed', crossing: 7, lastFiredTimeMs: 500 })
  trade(1_000, batch)
  rules.set(tradeRule({ threshold: '1.5' }), { state: 'armed', crossing: 7, lastFiredTimeMs: 500 })
  trade(2_000, batch)
  expect(batch.alertEvents.map(({ crossing }) => crossing)).toEqual([8, 9])
})

test('an outcome has at most fifty different windows; one that is there already is always taken', () => {
  const { rules } = openRules()
  const setWindow = (at: number): string | undefined =>
    rules.set(ruleOf({ alertId: String(at), condition: 'move_pct', threshold: '5', windowMs: 1_000 + (at % 51) }), NEW)
  const reasons = Array.from({ length: 52 }, (_one, at) => setWindow(at))
  expect(reasons.flatMap((reason, at) => (reason === undefined ? [] : [[at, reason]]))).toEqual([
    [50, 'side, within, window: expected at most 50 different ones on an outcome'],
  ])
})

test('a rule fires at most 1,200 times a minute; what is beyond is counted, and the next minute is another', () => {
  const { rules, trade, capped } = openRules()
  const batch = newBatch()
  rules.set(tradeRule(), NEW)
  for (let at = 0; at < 1_300; at++) trade(60_000 + at, batch)
  expect([batch.alertEvents.length, capped()]).toEqual([1_200, 100])
  trade(120_000, batch)
  expect(batch.alertEvents.at(-1)?.crossing).toBe(1_201)
})
