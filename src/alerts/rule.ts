import type { Book } from '../domain/book.ts'
import type { MoveProgress } from '../domain/progress.ts'

/** A row of `alerts`. Decimals are texts as Postgres gives them. */
export type RuleRow = {
  alertId: string
  userId: string
  marketId: string
  outcomeIndex: number
  condition: string
  threshold: string | null
  windowMs: number | null
  side: string | null
  within: string | null
  hysteresis: string
  cooldownMs: number
  webhookUrl: string | null
  status: string
}

/** What a condition is made of, checked; decimals in millionths. Absent ones are not given. */
export type Terms = {
  threshold: number
  windowMs: number
  side: 'bid' | 'ask' | undefined
  within: number | undefined
}

/** When something was seen, by both clocks. */
export type Instant = { capturedTimeMs: number; exchangeTimeMs: number | undefined }

/** Where a rule stands. armed → (the condition holds, no cooldown runs) → fired → (false again by the hysteresis) → armed. */
export type Standing = { state: 'armed' | 'fired'; crossing: number; lastFiredTimeMs: number | undefined }

/**
 * A rule that is evaluated. Whatever it compares is turned so that it holds above its `level`: "below" compares negated
 * values. At `rearmLevel` or beneath it is false again.
 */
export type Watched = Standing & {
  row: RuleRow
  level: number
  rearmLevel: number
  /** The minute, by the receive clock, in which it fired last, and how often in it. */
  minute?: number
  firedInMinute?: number
}

/** Takes what rules do. `value` in millionths, as it is shown; `cause` names the fill. */
export type Journal = {
  fire: (watched: Watched, value: number, at: Instant, cause?: string) => void
  rearm: (watched: Watched, at: Instant) => void
}

/** Something about a book that rules watch; those that watch the same share one. */
export type Meter = {
  add: (watched: Watched) => void
  remove: (watched: Watched) => void
  /** Whether a rule would change its state, or has to be looked at, were this state of the book true. */
  isDue: (book: Book, atTimeMs: number) => boolean
  /** A state of the book that is proved. */
  settle: (book: Book, at: Instant, journal: Journal) => void
  /** When the first cooldown ends of a rule whose condition held; infinite where there is none. */
  readyTimeMs: () => number
  /** The book is not known any more. */
  lose: () => void
  /** Whether it has to be given this state once it is proved, though no rule is due in it. */
  isNeeded: (book: Book) => boolean
  /** What of a book it looks at: another best price, or another size anywhere too. */
  watches: 'top' | 'sizes'
  /** What it has to go on with after a restart, in lists of at most so many; absent: nothing. */
  progress?: (most: number) => MoveProgress | undefined
}

/** What evaluates a rule: a meter of its outcome's book, that outcome's trades, or Postgres. */
export type Watch =
  | { type: 'book'; key: string; level: number; openMeter: (kept?: MoveProgress) => Meter }
  | { type: 'trade'; level: number }
  | { type: 'market' }

/** A condition that rules can have. `threshold`: in millionths; undefined: it has none. */
export type Condition = {
  threshold: { least: number; most: number } | undefined
  /** Columns that it reads beside those of every rule; the others must be null. */
  takes: readonly ('window' | 'side' | 'within')[]
  toWatch: (terms: Terms) => Watch
}

/** Prices and spreads, 0 to 1. */
export const PRICES = { least: 0, most: 1_000_000 }
/** Shares: as many as an integer of millionths holds. */
export const SHARES = { least: 0, most: Number.MAX_SAFE_INTEGER }
