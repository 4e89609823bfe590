import type { Side } from './book-side.ts'
import type { GapReason } from './frame.ts'
import type { MetricsProgress } from './metric.ts'
import type { ShedTier } from './shed.ts'

/**
 * `waiting`: no book yet. `following`: the book is there and every frame of its connection was applied.
 * `gap`: frames were lost, or may have been; the next whole book ends it.
 */
export type OutcomeStatus = 'waiting' | 'following' | 'gap'

/** What is shed, and the sequences of the open gaps of it: one a tier. */
export type ShedProgress = { tier: ShedTier; sequences: number[] }

export type OutcomeProgress = {
  sequence: number
  /** Newest one at which the book was proved; absent before the first. */
  verifiedSequence?: number | undefined
  capturedTimeMs: number
  status: OutcomeStatus
  gapSequence: number | undefined
  gapReason: GapReason | undefined
  /** Absent where nothing is shed. */
  shed?: ShedProgress | undefined
  /** Venue time of the newest book or change that was applied: an older book is no snapshot. */
  exchangeTimeMs: number | undefined
}

/** What was recorded of a market in the hour that begins at `startTimeMs` (UTC, receive time). */
export type HourProgress = {
  startTimeMs: number
  events: number
  verified: number
  unverifiable: number
  mismatched: number
}

/**
 * What of an outcome's size changes is not final yet: see `OutcomeLiquidity`. In arrays, since it is written with every
 * commit of the market. Prices and sizes are millionths.
 */
export type OutcomeLiquidityProgress = {
  newest: [startTimeMs: number, part: number, changedTimeMs: number]
  isCut: boolean
  waiting: [timeMs: number, side: Side, price: number, size: number][]
  spans: [startTimeMs: number, part: number, cells: LevelProgress[]][]
}

/** `decreases`: milliseconds since the start of the span, and size, in turn. */
export type LevelProgress = [key: number, added: number, traded: number, ...decreases: number[]]

export type LiquidityProgress = {
  /** Trades that were told a moment ago, by their identity: another connection may bring them again. */
  trades: [key: string, timeMs: number][]
  outcomes: OutcomeLiquidityProgress[]
}

/** A value in millionths, and until when it stood. */
export type StoodProgress = [value: number, untilTimeMs: number]

/** Lowest and highest of a window. `present` stands still, and is in neither list. */
export type MoveProgress = { present: number; lowest: StoodProgress[]; highest: StoodProgress[] }

/** The windows of each outcome's alert rules, by what they watch. */
type AlertsProgress = Record<string, MoveProgress>[]

/** What the listeners of a tape keep across frames, and go on with after a restart. */
export type KeptProgress = { liquidity?: LiquidityProgress; metrics?: MetricsProgress; alerts?: AlertsProgress }

/** Where the tape of a market stands: what a restart must continue even if the stream itself is gone. */
export type MarketProgress = {
  epoch: string
  ordinal: number
  subscription: 'active' | 'paused' | 'stopped'
  /** Levels a side that are written; 0 = all. */
  depth: number
  /** Of the newest frame that was applied. */
  receivedTimeMs: number
  hour: HourProgress
  /** Its market had ended and nothing came for long: a restart opens it only for entries after the offset. */
  isClosed: boolean
  outcomes: OutcomeProgress[]
  /** Counts the commits: what is due by time alone leaves the offset where it is. */
  revision: number
  /** As it is read after a restart; it is written beside the rest. Absent where nothing is kept. */
  kept?: KeptProgress
}

/** JSON of a `KeptProgress` in which nothing is kept. */
export const NOTHING_KEPT = '{}'

export const NO_HOUR: HourProgress = { startTimeMs: 0, events: 0, verified: 0, unverifiable: 0, mismatched: 0 }

export const NO_PROGRESS: MarketProgress = {
  epoch: '',
  ordinal: 0,
  subscription: 'active',
  depth: 0,
  receivedTimeMs: 0,
  hour: NO_HOUR,
  isClosed: false,
  outcomes: [],
  revision: 0,
}
