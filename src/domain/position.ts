import { toBigMillionths } from './decimal.ts'

/**
 * What changes a position: shares that come in (bought, split) or go out (sold, merged). `second`: the venue's
 * time; the Data API tells no finer one. `shares` in millionths, `money` in 10^-12 dollars, the product of two millionths.
 */
export type Move = { second: number; direction: 'in' | 'out'; shares: bigint; money: bigint }

/**
 * A position after its moves up to and with those of `second`. Shares in millionths, money in 10^-12 dollars. `unseen`:
 * shares that went out without having been seen to come in; what they cost is not known, so they are in no other figure.
 */
export type PositionState = {
  second: number
  held: bigint
  cost: bigint
  tradingPnl: bigint
  unseen: bigint
  unseenProceeds: bigint
  moves: number
}

/**
 * `base`: the state at an earlier second, from which on moves may be put in their place. `next`: a later one, which becomes
 * the base when it lies far enough behind: a wallet that moves all the time is never seen at rest there.
 */
export type Position = { state: PositionState; base: PositionState | undefined; next: PositionState | undefined }

export const EMPTY_STATE: PositionState = {
  second: -1,
  held: 0n,
  cost: 0n,
  tradingPnl: 0n,
  unseen: 0n,
  unseenProceeds: 0n,
  moves: 0,
}

export const EMPTY_POSITION: Position = { state: EMPTY_STATE, base: undefined, next: undefined }

/** The venue tells of a fill up to a minute late: the base lies twice as far behind. */
const LATE_SECONDS = 120
/** A base is moved on when so many moves lie between it and where it could be. */
const MOVES_PER_BASE = 64

const compare = <T extends bigint | number>(left: T, right: T): number => (left < right ? -1 : left > right ? 1 : 0)
const rankOf = ({ direction }: Move): number => (direction === 'in' ? 0 : 1)

/**
 * By the venue's second; within one what comes in before what goes out, then by size and money. Moves that are equal here
 * are equal in all that a position is made of, so that this order leaves nothing to chance.
 */
export const compareMoves = (left: Move, right: Move): number =>
  compare(left.second, right.second) ||
  rankOf(left) - rankOf(right) ||
  compare(left.shares, right.shares) ||
  compare(left.money, right.money)

/** Giving a part takes as much of the cost, rounded down to 10^-12; giving all takes all. */
const shareOf = (whole: bigint, part: bigint, total: bigint): bigint =>
  part === total ? whole : (whole * part) / total

const applyMove = (state: PositionState, { second, direction, shares, money }: Move): PositionState => {
  const moved = { ...state, second, moves: state.moves + 1 }
  if (direction === 'in') return { ...moved, held: state.held + shares, cost: state.cost + money }
  const seen = shares < state.held ? shares : state.held
  const cost = shareOf(state.cost, seen, state.held)
  const proceeds = shareOf(money, seen, shares)
  return {
    ...moved,
    held: state.held - seen,
    cost: state.cost - cost,
    tradingPnl: state.tradingPnl + proceeds - cost,
    unseen: state.unseen + shares - seen,
    unseenProceeds: state.unseenProceeds + money - proceeds,
  }
}

/** Applies moves, in any order, that are all younger than the state. */
export const foldMoves = (from: PositionState, moves: Move[]): PositionState =>
  moves.toSorted(compareMoves).reduce(applyMove, from)

const canBeBase = (state: PositionState, base: PositionState | undefined): boolean =>
  state.moves - (base?.moves ?? 0) >= MOVES_PER_BASE

/** Goes on with moves that are all younger than the state. */
export const advance = ({ state: from, base, next }: Position, moves: Move[]): Position => {
  const sorted = moves.toSorted(compareMoves)
  const horizon = (sorted.at(-1)?.second ?? from.second) - LATE_SECONDS
  const settled = sorted.filter(({ second }) => second <= horizon).reduce(applyMove, from)
  const state = sorted.filter(({ second }) => second > horizon).reduce(applyMove, settled)
  const isNextOld = next === undefined || next.second <= horizon
  const rest = settled.second <= horizon ? settled : isNextOld ? next : undefined
  const newBase = rest !== undefined && canBeBase(rest, base) ? rest : base
  const newNext = canBeBase(state, newBase) ? state : undefined
  return { state, base: newBase, next: isNextOld ? newNext : next }
}

/** Where to go on from with moves of which the earliest is of `second`. */
export const startFor = (position: Position, second: number): Position => {
  const { state, base, next } = position
  if (second > state.second) return position
  if (next !== undefined && second > next.second) return { state: next, base, next }
  return base !== undefined && second > base.second ? { state: base, base, next: undefined } : EMPTY_POSITION
}

type Fill = { side: 'buy' | 'sell'; priceText: string; sizeText: string; second: number }

export const fillMove = ({ side, priceText, sizeText, second }: Fill): Move => {
  const shares = toBigMillionths(sizeText)
  return { second, direction: side === 'buy' ? 'in' : 'out', shares, money: toBigMillionths(priceText) * shares }
}

type Activity = {
  type: 'split' | 'merge'
  sizeText: string
  usdcText: string
  /** Of its market: each has an equal part of the dollars. */
  outcomeCount: number
  second: number
}

export const activityMove = ({ type, sizeText, usdcText, outcomeCount, second }: Activity): Move => ({
  second,
  direction: type === 'split' ? 'in' : 'out',
  shares: toBigMillionths(sizeText),
  money: (toBigMillionths(usdcText) * 1_000_000n) / BigInt(outcomeCount),
})
