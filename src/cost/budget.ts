import { SHED_TIERS, type ShedTier } from '../domain/shed.ts'

/** `settleMs`: a rate is measured for so long before it moves a tier, so that tiers are at least that far apart. */
export type Budget = { limitMicrodollars: number; settleMs: number }

/** One reading: what a month would cost at the present rate. */
export type Reading = { atTimeMs: number; microdollars: number; framesPerHour: number }

/** Smoothed since `sinceTimeMs`. */
type Smoothed = { sinceTimeMs: number; atTimeMs: number; microdollars: number; framesPerHour: number }

/** What the tier below cost when it was left. */
type Left = { microdollars: number; framesPerHour: number }

/**
 * `left`: one a tier that is in force. `holdMs`: how long a tier stays before the next lower one is tried. `returnedTimeMs`:
 * when that was done last, if nothing was shed since.
 */
export type BudgetState = {
  tier: ShedTier
  changedTimeMs: number
  smoothed: Smoothed | undefined
  left: Left[]
  holdMs: number
  returnedTimeMs: number | undefined
}

export const UNSHED: BudgetState = {
  tier: 0,
  changedTimeMs: 0,
  smoothed: undefined,
  left: [],
  holdMs: 0,
  returnedTimeMs: undefined,
}

/** Below this share of the budget a lower tier is gone back to. */
const RETURN_PERMILLE = 850
const HOLD_SETTLES = 3
const LONGEST_HOLD_MS = 6 * 3_600_000

const smooth = (last: Smoothed | undefined, reading: Reading, settleMs: number): Smoothed => {
  const { atTimeMs, microdollars, framesPerHour } = reading
  if (last === undefined) return { sinceTimeMs: atTimeMs, atTimeMs, microdollars, framesPerHour }
  const share = 1 - Math.exp(-(2 * Math.max(0, atTimeMs - last.atTimeMs)) / settleMs)
  const towards = (from: number, to: number): number => from + (to - from) * share
  return {
    sinceTimeMs: last.sinceTimeMs,
    atTimeMs: Math.max(last.atTimeMs, atTimeMs),
    microdollars: towards(last.microdollars, microdollars),
    framesPerHour: towards(last.framesPerHour, framesPerHour),
  }
}

/** What the lower tier would cost now: as when it was left, with as many frames as come today; never less than the present. */
const expectedBelow = ({ microdollars, framesPerHour }: Smoothed, left: Left): number => {
  const growth = left.framesPerHour === 0 ? 1 : framesPerHour / left.framesPerHour
  return Math.max(microdollars, left.microdollars * growth)
}

const tierAt = (index: number): ShedTier => SHED_TIERS[Math.max(0, index)] ?? 3

/** Whoever sheds again within hours of a return came back too early: the next try waits twice as long. */
const holdOf = ({ holdMs, returnedTimeMs, tier }: BudgetState, nowMs: number, { settleMs }: Budget): number => {
  const firstMs = HOLD_SETTLES * settleMs
  const isRelapse = returnedTimeMs !== undefined && nowMs - returnedTimeMs < LONGEST_HOLD_MS
  if (isRelapse) return Math.min(LONGEST_HOLD_MS, 2 * holdMs)
  return tier === 0 ? firstMs : Math.max(firstMs, holdMs)
}

const shedMore = (state: BudgetState, smoothed: Smoothed, budget: Budget): BudgetState => {
  const { microdollars, framesPerHour, atTimeMs } = smoothed
  return {
    tier: tierAt(state.tier + 1),
    changedTimeMs: atTimeMs,
    smoothed: undefined,
    left: [...state.left, { microdollars, framesPerHour }],
    holdMs: holdOf(state, atTimeMs, budget),
    returnedTimeMs: undefined,
  }
}

const shedLess = (state: BudgetState, { atTimeMs }: Smoothed): BudgetState => ({
  ...state,
  tier: tierAt(state.tier - 1),
  changedTimeMs: atTimeMs,
  smoothed: undefined,
  left: state.left.slice(0, -1),
  returnedTimeMs: atTimeMs,
})

/** Whether the next lower tier is expected to stay well within the budget. */
const mayReturn = (state: BudgetState, smoothed: Smoothed, { limitMicrodollars }: Budget): boolean => {
  const below = state.left.at(-1)
  if (below === undefined || smoothed.atTimeMs - state.changedTimeMs < state.holdMs) return false
  return expectedBelow(smoothed, below) * 1_000 < limitMicrodollars * RETURN_PERMILLE
}

/**
 * Takes a reading, and moves at most one tier: up where the smoothed rate is above the budget, down where the tier below is
 * expected to cost less than 85 % of it. A change begins a new measurement.
 */
export const takeReading = (state: BudgetState, reading: Reading, budget: Budget): BudgetState => {
  const smoothed = smooth(state.smoothed, reading, budget.settleMs)
  if (smoothed.atTimeMs - smoothed.sinceTimeMs < budget.settleMs) return { ...state, smoothed }
  if (smoothed.microdollars > budget.limitMicrodollars && state.tier < 3) return shedMore(state, smoothed, budget)
  if (mayReturn(state, smoothed, budget)) return shedLess(state, smoothed)
  return { ...state, smoothed }
}
