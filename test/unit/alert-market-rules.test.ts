import { expect, test } from 'vitest'
import { newBatch } from '../../src/normalizer/batch.ts'
import { ruleOf } from '../support/alert-rule.ts'
import { beginFollowed } from '../support/followed-market.ts'
import { NEW, openRules, openVenue, tradeRule } from '../support/market-rules.ts'

test('a tick is asked for where time alone may change something, and only there', async () => {
  const { marketId, tape, batch, clock, venue } = openVenue()
  const { rules, waiting } = openRules(tape)
  const quote = (bidPrice: string, askPrice: string, afterMs: number): Promise<void> => {
    clock.receivedTimeMs += afterMs
    return venue.quote(marketId, bidPrice, askPrice)
  }
  const tick = (): number => {
    rules.tick(clock.receivedTimeMs + 1_000, batch)
    if (!rules.isWaiting) waiting.delete(rules)
    return waiting.size
  }
  rules.set(ruleOf({ marketId, condition: 'price_above', threshold: '0.5', cooldownMs: 60_000 }), NEW)
  expect(waiting.size).toBe(1)
  await quote('0.30', '0.32', 0)
  expect(tick()).toBe(0)
  await quote('0.60', '0.62', 1_000)
  expect([batch.alertEvents.length, tick()]).toEqual([1, 0])
  await quote('0.30', '0.32', 1_000)
  expect(tick()).toBe(0)
  await quote('0.60', '0.62', 1_000)
  clock.receivedTimeMs += 30_000
  expect([tick(), batch.alertEvents.length]).toEqual([1, 1])
  clock.receivedTimeMs += 30_000
  expect([tick(), batch.alertEvents.length]).toEqual([0, 2])
})

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

test('a book that comes late while checks are shed is not called proved by what was before it', async () => {
  const run = beginFollowed()
  const { rules } = openRules(run.tape)
  rules.set(ruleOf({ marketId: run.tape.market.marketId, condition: 'price_above', threshold: '0.52' }), NEW)
  run.first.set('BUY', '0.41', '1')
  const late = run.first.book(10)
  const doubted = run.first.change(10, 'BUY', '0.41').replace(/"hash":"[^"]+"/, `"hash":"${'f'.repeat(40)}"`)
  run.first.set('BUY', '0.46', '2')
  run.socket(11, doubted)
  run.socket(11, run.first.change(10, 'BUY', '0.46'))
  run.tape.deps.judge.lagMs = 1_000_000
  run.first.set('SELL', '0.7', '3')
  run.socket(14, run.first.change(13, 'SELL', '0.7'))
  run.socket(15, late)
  expect(run.tape.outcomes[0]?.book.best().bid?.price).toBe(410_000)
  expect([run.batch.alertEvents.length, run.batch.alertStates.size]).toEqual([0, 0])
})
