import { expect, test } from 'vitest'
import type { RuleRow } from '../../src/alerts/rule.ts'
import { ruleOf } from '../support/alert-rule.ts'
import type { Change } from '../support/alert-venue.ts'
import { NEW, openRules, openVenue } from '../support/market-rules.ts'
import type { JudgeLimits } from '../support/normalizer-tape.ts'

/** Fires above 0.5 and is armed again below 0.48. */
const ABOVE = { condition: 'price_above', threshold: '0.5', hysteresis: '0.02' } as const

/** A shard that lags: its checks are shed. It has one rule. */
const openBehind = async (given: Partial<RuleRow> = ABOVE, limits: JudgeLimits = {}) => {
  const opened = openVenue(limits)
  const { marketId, tape, batch, venue } = opened
  const { rules } = openRules(tape)
  rules.set(ruleOf({ marketId, ...given }), NEW)
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

test('a depth that falls in a backlog is hashed too, by a batch as by a whole book', async () => {
  const { marketId, venue, fired, state } = await openBehind({ condition: 'depth_below', threshold: '50', side: 'bid' })
  await venue.quote(marketId, '0.40', '0.42')
  expect([fired(), state()]).toEqual([[], undefined])
  await venue.batch(marketId, [['BUY', '0.40', '20']])
  expect([fired(), state()]).toEqual([['20'], 'fired'])
  await venue.quote(marketId, '0.40', '0.42')
  expect(state()).toBe('armed')
  await venue.quote(marketId, '0.40', '0.42', '30')
  expect(fired()).toEqual(['20', '30'])
})

test('a second that has no search left puts the decision off, and the next one makes it', async () => {
  const clock = { nowMs: 1_000_000 }
  const limits = { searchHashesPerSecond: 1, now: () => clock.nowMs }
  const { marketId, venue, beat, fired, tape } = await openBehind(ABOVE, limits)
  await venue.quote(marketId, '0.40', '0.42')
  venue.hashOver('0.577')
  await venue.quote(marketId, '0.60', '0.62')
  beat()
  expect(fired()).toEqual([])
  const searches = tape.deps.stats.read()['hashSearches'] ?? 0
  clock.nowMs += 3_600_000
  beat()
  expect(fired()).toEqual(['0.61'])
  expect(tape.deps.stats.read()['hashSearches']).toBe(searches + 1)
})
