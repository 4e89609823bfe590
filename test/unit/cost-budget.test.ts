import fc from 'fast-check'
import { expect, test } from 'vitest'
import { takeReading, UNSHED, type Budget, type BudgetState } from '../../src/cost/budget.ts'

const SETTLE_MS = 300_000
const EVERY_MS = 15_000
const HOUR_MS = 3_600_000
const budget: Budget = { limitMicrodollars: 100_000_000, settleMs: SETTLE_MS }

type Load = { fixed: number; sheddable: number; framesPerHour: number }
/** What is left of the sheddable part in each tier. */
const LEFT = [1, 0.5, 0.3, 0.05]

const costOf = ({ fixed, sheddable, framesPerHour }: Load, tier: number): number =>
  (fixed + ((sheddable * framesPerHour) / 1_000_000) * (LEFT[tier] ?? 0)) * 1_000_000

type Turn = { atTimeMs: number; tier: number }

/** Reads every 15 s what a load costs under the tier that is in force. */
const run = (loadAt: (timeMs: number) => Load, forMs: number, start = UNSHED) => {
  let state: BudgetState = start
  const turns: Turn[] = []
  for (let atTimeMs = EVERY_MS; atTimeMs <= forMs; atTimeMs += EVERY_MS) {
    const load = loadAt(atTimeMs)
    const reading = { atTimeMs, microdollars: costOf(load, state.tier), framesPerHour: load.framesPerHour }
    const { tier } = state
    state = takeReading(state, reading, budget)
    if (state.tier !== tier) turns.push({ atTimeMs, tier: state.tier })
  }
  return { state, turns }
}

const steady = (load: Load) => () => load

test('a load within the budget sheds nothing, however much it jumps about its mean', () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.integer({ min: 0, max: 160 })), (jumps) => {
      const loadAt = (): Load => ({ fixed: 0, sheddable: Number(jumps.next().value) / 2, framesPerHour: 1_000_000 })
      expect(run(loadAt, 6 * HOUR_MS).turns).toEqual([])
    }),
    { numRuns: 50 },
  )
})

test('a peak that is over before it was measured for the whole settling time sheds nothing', () => {
  const loadAt = (timeMs: number): Load => ({
    fixed: 50,
    sheddable: timeMs < SETTLE_MS / 2 ? 90 : 10,
    framesPerHour: 1_000_000,
  })
  expect(run(loadAt, 2 * HOUR_MS).turns).toEqual([])
})

test('above the budget it sheds tier by tier, each only after the one before was measured, until the rate fits', () => {
  const { turns, state } = run(steady({ fixed: 40, sheddable: 150, framesPerHour: 1_000_000 }), 3 * HOUR_MS)
  expect(turns.map(({ tier }) => tier)).toEqual([1, 2])
  expect((turns[1]?.atTimeMs ?? 0) - (turns[0]?.atTimeMs ?? 0)).toBeGreaterThanOrEqual(SETTLE_MS)
  expect(state.tier).toBe(2)
})

test('it stays in its tier while the load stays: what shedding saves is no reason to come back', () => {
  const { turns, state } = run(steady({ fixed: 10, sheddable: 150, framesPerHour: 1_000_000 }), 48 * HOUR_MS)
  expect(turns.map(({ tier }) => tier)).toEqual([1])
  expect(state.tier).toBe(1)
})

test('it comes back tier by tier once as many frames as come now would cost well below the budget', () => {
  const loadAt = (timeMs: number): Load => ({
    fixed: 10,
    sheddable: 300,
    framesPerHour: timeMs < HOUR_MS ? 1_000_000 : 150_000,
  })
  const { turns, state } = run(loadAt, 8 * HOUR_MS)
  expect(turns.map(({ tier }) => tier)).toEqual([1, 2, 1, 0])
  expect(state).toMatchObject({ tier: 0, left: [] })
})

test('even where nothing that is shed helps it ends in the last tier and stays there', () => {
  const { turns } = run(steady({ fixed: 500, sheddable: 1, framesPerHour: 1_000_000 }), 24 * HOUR_MS)
  expect(turns.map(({ tier }) => tier)).toEqual([1, 2, 3])
})

const loads = fc.record({
  fixed: fc.integer({ min: 0, max: 120 }),
  sheddable: fc.integer({ min: 0, max: 400 }),
  framesPerHour: fc.integer({ min: 0, max: 3_000_000 }),
})

test('whatever the load does, steps are of one tier, never closer than the settling time, and a return is at least three of them after the step before', () => {
  fc.assert(
    fc.property(fc.array(loads, { minLength: 1, maxLength: 40 }), (hours) => {
      const loadAt = (timeMs: number): Load =>
        hours[Math.floor(timeMs / (HOUR_MS / 2)) % hours.length] ?? { fixed: 0, sheddable: 0, framesPerHour: 0 }
      const { turns } = run(loadAt, 24 * HOUR_MS)
      turns.reduce(
        (last, turn) => {
          expect(Math.abs(turn.tier - last.tier)).toBe(1)
          expect(turn.atTimeMs - last.atTimeMs).toBeGreaterThanOrEqual(
            turn.tier < last.tier ? 3 * SETTLE_MS : SETTLE_MS,
          )
          return turn
        },
        { atTimeMs: 0, tier: 0 },
      )
    }),
    { numRuns: 100 },
  )
})

test('a load that swings around the budget is met with ever longer stays, not with flapping', () => {
  const swing = (timeMs: number): Load => ({
    fixed: 0,
    sheddable: 130,
    framesPerHour: Math.floor(timeMs / HOUR_MS) % 2 === 0 ? 1_000_000 : 500_000,
  })
  const { turns } = run(swing, 48 * HOUR_MS)
  expect(turns.length).toBeLessThan(24)
})
