/** One value of a window. `text` is a decimal. */
export type MetricValue = { type: string; window: string; text: string }

/** All metrics of a market as of an instant. `isAgain`: rows of that instant may be written already, and are replaced. */
export type MetricSample = { marketId: string; measuredTimeMs: number; isAgain: boolean; values: MetricValue[] }

/** The numbers of one bucket, packed; `layout` names the metrics in their order, each with how many are its own. */
export type KeptSlots = { layout: string; packed: string }

/** What the metrics ask of a book, packed: known (1 or 0), then as in `BookState`. */
export type KeptState = string

/** A closed bucket in which something happened. `opening`: the book at its start; undefined: as at the start of the next. */
export type MetricBucket = {
  marketId: string
  stepMs: number
  startTimeMs: number
  slots: KeptSlots
  opening: KeptState | undefined
  /** No window reaches buckets of this step that start earlier. */
  usefulFromTimeMs: number
}

/** What the metrics of a market go on from after a restart, beside its closed buckets. */
export type MetricsProgress = {
  startTimeMs: number
  sinceTimeMs: number
  beforeMid: number
  writtenTimeMs: number
  isActive: boolean
  isDirty: boolean
  isLate: boolean
  /** The rows of the boundary at which the open bucket begins are still to be written. */
  isDue: boolean | undefined
  state: KeptState
  openings: KeptState[]
  slots: KeptSlots
  /** Of the next bucket, where trades of it came before the book had got there. */
  ahead: KeptSlots | undefined
}
