/**
 * The book of a market's first outcome as of an instant, in millionths. `mid` is bid + ask, twice the mid price, so that
 * it is whole; 0 where there is none: the book is not known, a side is empty, or bid >= ask.
 */
export type BookState = {
  readonly isKnown: boolean
  readonly mid: number
  readonly spread: number
  readonly bidDepth1c: number
  readonly bidDepth5c: number
  readonly askDepth1c: number
  readonly askDepth5c: number
}

/** A trade in terms of the first outcome, price and size in millionths. */
export type Trade = { price: number; size: number; capturedTimeMs: number }

/** Numbers of all metrics side by side; each has `width` of them from `at` on. All 0 is a bucket without anything. */
export type Slots = Float64Array

/**
 * One metric: which numbers a bucket holds of it, and what comes of those of a window. Pure; `merge` is associative, and
 * `from` is the later bucket. Every hook is O(1).
 */
export type Metric = {
  /** Under which its numbers are kept. Another meaning of them needs another name. */
  name: string
  /** `metric_type`s that `read` gives, in its order. */
  types: readonly string[]
  width: number
  /** The book was in this state for `ms` (at most 15 minutes). Not called for an unknown book. */
  hold?: (slots: Slots, at: number, state: BookState, ms: number) => void
  /** A mid followed another one directly: no gap, empty side or crossed book was in between. */
  move?: (slots: Slots, at: number, fromMid: number, toMid: number) => void
  trade?: (slots: Slots, at: number, trade: Trade) => void
  merge: (into: Slots, intoAt: number, from: Slots, fromAt: number) => void
  /** Decimals, one a type; undefined where there is nothing to measure. */
  read: (slots: Slots, at: number, windowMs: number) => (string | undefined)[]
}
