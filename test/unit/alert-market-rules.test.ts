import { expect, test } from 'vitest'
import { MarketRules } from '../../src/alerts/market-rules.ts'
import type { RuleRow, Standing } from '../../src/alerts/rule.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'
import { fillKey } from '../../src/normalizer/fill-key.ts'
import { ruleOf } from '../support/alert-rule.ts'
import { createAlertVenue, type Change } from '../support/alert-venue.ts'
import { beginFollowed } from '../support/followed-market.ts'
import { tokensOf } from '../support/normalizer-flow.ts'
import { newTape, newTapeOf, testMarket } from '../support/normalizer-tape.ts'

const NEW: Standing = { state: 'armed', crossing: 0, lastFiredTimeMs: undefined }
const tradeRule = (given: Partial<RuleRow> = {}): RuleRow =>
  ruleOf({ condition: 'trade_size_above', threshold: '1', ...given })

const openRules = (tape = newTape()) => {
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
const openVenue = () => {
  const marketId = '1000'
  const outcomes = tokensOf(marketId).map((token, at) => ({ outcomeId: `${marketId}:${at}`, name: 'n', token }))
  const { tape } = newTapeOf({ ...testMarket, marketId, conditionId: `0x${marketId.padStart(64, '0')}`, outcomes })
  const batch = newBatch()
  const clock = { receivedTimeMs: Date.now() }
  let ordinal = 0
  const venue = createAlertVenue({
    append: async (_, frames) => {
      const text = frames[0]?.[1] ?? ''
      ordinal += 1
      const frame = { kind: 'websocket', ...clock, sourceReceivedTimeMs: undefined, text } as const
      tape.apply({ stream: tape.stream, id: `${ordinal}-0`, epoch: 'e', firstOrdinal: ordinal, frames: [frame] }, batch)
      tape.proveEarly(batch)
    },
  })
  return { marketId, tape, batch, clock, venue }
}

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

/** A shard that lags: its checks are shed. One rule, which fires above 0.5 and is armed again below 0.48. */
const openBehind = async () => {
  const opened = openVenue()
  const { marketId, tape, batch, venue } = opened
  const { rules } = openRules(tape)
  rules.set(ruleOf({ marketId, condition: 'price_above', threshold: '0.5', hysteresis: '0.02' }), NEW)
  await venue.quote(marketId, '0.30', '0.32')
  tape.deps.judge.lagMs = 1_000_000
  const state = (): string | undefined => [...batch.alertStates.values()].at(-1)?.state
  const fired = (): string[] => batch.alertEvents.map(({ value }) => value ?? '')
  return { ...opened, fired, state, shed: () => tape.deps.stats.read()['checksShed'] ?? 0 }
}

const UP: Change[] = [['BUY', '0.60', '100'], ['SELL', '0.42', '0'], ['SELL', '0.62', '100']] // prettier-ignore
const DOWN: Change[] = [['BUY', '0.40', '100'], ['BUY', '0.60', '0'], ['SELL', '0.62', '0'], ['SELL', '0.42', '100']] // prettier-ignore

test('a shard that lags and sheds its checks hashes what a rule decides by, and only that', async () => {
  const { marketId, batch, venue, fired, state, shed } = await openBehind()
  const proofs = (): string[] => batch.proofs.map((proof) => proof.state)
  await venue.quote(marketId, '0.31', '0.33')
  expect([proofs(), shed()]).toEqual([['verified', 'unverifiable'], 1])
  await venue.quote(marketId, '0.60', '0.62')
  expect([proofs().at(-1), fired(), state()]).toEqual(['verified', ['0.61'], 'fired'])
  await venue.quote(marketId, '0.40', '0.42')
  expect(state()).toBe('armed')
  await venue.batch(marketId, UP)
  expect([fired(), state()]).toEqual([['0.61', '0.61'], 'fired'])
  // A whole book right after a batch that was proved.
  await venue.quote(marketId, '0.40', '0.42')
  expect(state()).toBe('armed')
  await venue.batch(marketId, UP, true)
  expect([fired().length, state()]).toEqual([2, 'armed'])
})

test('a batch whose price nobody knew is proved when it ends, before what follows changes it', async () => {
  const { marketId, venue, fired } = await openBehind()
  await venue.quote(marketId, '0.40', '0.42')
  venue.hashOver('0.577')
  await venue.batch(marketId, UP)
  expect(fired()).toEqual([])
  await venue.batch(marketId, DOWN)
  expect(fired()).toEqual(['0.61'])
})

test('a batch that fitted no price fits once the trade is told', async () => {
  const { marketId, venue, fired } = await openBehind()
  await venue.quote(marketId, '0.40', '0.42')
  venue.hashOver('0.500')
  await venue.batch(marketId, UP)
  expect(fired()).toEqual([])
  await venue.trade(marketId, '1', '0xa')
  expect(fired()).toEqual(['0.61'])
})

test('a wrong book fires nothing and opens no gap while checks are shed', async () => {
  const { marketId, batch, venue, fired, shed } = await openBehind()
  await venue.quote(marketId, '0.40', '0.42')
  const before = shed()
  await venue.batch(marketId, UP, true)
  await venue.batch(marketId, DOWN)
  expect([fired(), batch.gapsOpened.length, shed() - before]).toEqual([[], 0, 1])
})

test('trades of a backlog, whose prices are in the hashes that follow, hide no crossing', async () => {
  const { marketId, venue, fired, state, tape } = await openBehind()
  const searches = (): number => tape.deps.stats.read()['hashSearches'] ?? 0
  const before = searches()
  for (const price of ['0.410', '0.577', '0.002']) {
    venue.hashOver(price)
    await venue.quote(marketId, '0.60', '0.62')
    await venue.batch(marketId, DOWN)
    expect(state()).toBe('armed')
    await venue.batch(marketId, UP)
    await venue.batch(marketId, DOWN)
  }
  expect(fired()).toEqual(Array.from({ length: 6 }, () => '0.61'))
  expect(searches() - before).toBe(3)
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
