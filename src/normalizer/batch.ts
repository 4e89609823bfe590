import type { AlertRow, AlertStateRow } from '../alerts/journal.ts'
import type { Level } from '../domain/book-side.ts'
import type { FillNews } from '../domain/fill.ts'
import type { Frame, GapReason } from '../domain/frame.ts'
import type { LiquidityEvent } from '../domain/liquidity-event.ts'
import type { Market, MarketState } from '../domain/market.ts'
import type { MarketChange } from '../domain/market-change.ts'
import type { MetricBucket, MetricSample } from '../domain/metric.ts'
import type { FrameTimes } from './latency.ts'
import type { HourProgress, MarketProgress } from '../domain/progress.ts'
import type { ActivityRow } from './activity-row.ts'
import type { CheckpointRow } from './checkpoint-row.ts'
import type { TradeRow } from './trade-row.ts'

export type FillRow = {
  marketId: string
  outcomeId: string
  side: 'buy' | 'sell'
  priceText: string
  sizeText: string
  transactionHash: string | undefined
  capturedTimeMs: number
  exchangeTimeMs: number
  sourceReceivedTimeMs: number | undefined
  /** How many equal fills came before on its connection, `epoch`: see `TradeOrdinals`. */
  ordinal: number
  epoch: string
}

export type GapOpened = {
  marketId: string
  outcomeId: string
  /** Receive time of the newest frame that is known to be good. */
  openedTimeMs: number
  detectedTimeMs: number
  reason: GapReason
  lastGoodSequence: number
  gapSequence: number
  detail: string
}

export type GapClosed = {
  outcomeId: string
  gapSequence: number
  closedTimeMs: number
  firstGoodSequence: number
  isNothingMissed: boolean
}

/** Where the proof of an outcome's book changes its state. */
export type ProofRow = {
  outcomeId: string
  capturedTimeMs: number
  sequence: number
  state: 'verified' | 'unverifiable'
}

/** From `capturedTimeMs` on so many levels a side of a market are written; 0 = all. */
export type DepthRow = { marketId: string; capturedTimeMs: number; depth: number }

/** What was recorded of a market in an hour that has ended. */
export type HourRow = HourProgress & { marketId: string }

export type DeadLetter = {
  stream: string
  entryId: string
  ordinal: number
  reason: string
  detail: string
  raw: string
  firstSeenTimeMs: number
}

/** What became of a dead letter that was fed through the pipeline again. */
export type Reprocessed = { deadLetterId: number; result: 'applied' | 'stale' | 'rejected'; detail: string }

/** Rows of `order_books` that Postgres refused: a gap of the outcome from `gapSequence` on. */
export type RefusedRow = { marketId: string; outcomeId: string; gapSequence: number; detail: string }

/** Best prices of a market's first outcome; an absent side is undefined. */
export type QuoteRow = {
  marketId: string
  bid: Level | undefined
  ask: Level | undefined
  sequence: number
  /** Newest sequence at which the book was proved; undefined before the first. */
  verifiedSequence: number | undefined
  state: MarketState
  exchangeTimeMs: number | undefined
  updatedTimeMs: number
}

/** What the broadcast `market_resolved` says. */
export type ResolvedRow = { marketId: string; winningToken: string; exchangeTimeMs: number }

/** How far a stream is applied; the commit demands that Postgres still stands at `expected`. */
export type OffsetRow = {
  stream: string
  expected: string
  lastId: string
  sequence: number
  progress: MarketProgress
  /** JSON of a `KeptProgress`. */
  kept: string
}

/** All that one transaction writes. `bookLines` are COPY lines of `order_books`, in the order of its columns. */
export type Batch = {
  bookLines: string[]
  bookBytes: number
  fills: FillRow[]
  /** Of the Data API. */
  trades: TradeRow[]
  activities: ActivityRow[]
  gapsOpened: GapOpened[]
  gapsClosed: GapClosed[]
  deadLetters: DeadLetter[]
  checkpoints: CheckpointRow[]
  proofs: ProofRow[]
  depths: DepthRow[]
  hours: HourRow[]
  liquidity: LiquidityEvent[]
  quotes: Map<string, QuoteRow>
  offsets: Map<string, OffsetRow>
  markets: Map<string, Market>
  /** All that was said of markets, in the order in which it came. */
  marketChanges: MarketChange[]
  /** By market. */
  resolvedMarkets: Map<string, ResolvedRow>
  /** Ids of the markets that broadcasts announced. */
  newMarkets: Set<string>
  reprocessed: Reprocessed[]
  /** By market and time, and by market, step and start: see `metricsInto`. */
  metrics: Map<string, MetricSample>
  metricBuckets: Map<string, MetricBucket>
  /** Rules that fired, and by id where those stand that moved. */
  alertEvents: AlertRow[]
  alertStates: Map<string, AlertStateRow>
  /** Filled by the commit. */
  refused: RefusedRow[]
  /** Filled by the commit: fills that are new or became confirmed by it. */
  news: FillNews[]
  /** UTC days (epoch days) of `captured_at` among the rows: their partitions must be there. */
  days: Set<number>
  /** Of the frames that changed a book, for the latency to commit. */
  frameTimes: FrameTimes
  /** When they were applied, a read each. */
  applied: { timeMs: number; count: number }[]
  frameCount: number
  /** UTF-16 units of the raw texts that were applied: what a batch keeps of them is bounded by it. */
  frameBytes: number
}

export const newBatch = (): Batch => ({
  bookLines: [],
  bookBytes: 0,
  fills: [],
  trades: [],
  activities: [],
  gapsOpened: [],
  gapsClosed: [],
  deadLetters: [],
  checkpoints: [],
  proofs: [],
  depths: [],
  hours: [],
  liquidity: [],
  quotes: new Map(),
  offsets: new Map(),
  markets: new Map(),
  marketChanges: [],
  resolvedMarkets: new Map(),
  newMarkets: new Set(),
  reprocessed: [],
  metrics: new Map(),
  metricBuckets: new Map(),
  alertEvents: [],
  alertStates: new Map(),
  refused: [],
  news: [],
  days: new Set(),
  frameTimes: [],
  applied: [],
  frameCount: 0,
  frameBytes: 0,
})

export const isEmpty = (batch: Batch): boolean => batch.offsets.size === 0

/** A frame, and the batch that takes what comes of it. */
export type TapeContext = { frame: Frame; batch: Batch }

/**
 * Why a book may be incomplete. `sinceTimeMs`: receive time of the newest frame known to be good; undefined: of the last
 * that was applied to this very outcome, for the venue may have fallen silent on one token of a live socket. `lastGoodSequence`: undefined: the last one.
 * `detectedTimeMs`: where it is no frame that shows it.
 */
export type GapCause = {
  reason: GapReason
  detail: string
  sinceTimeMs: number | undefined
  lastGoodSequence: number | undefined
  detectedTimeMs?: number | undefined
}

/** Where a frame stands in its stream, and the batch that takes what comes of it. */
export type FrameContext = TapeContext & { entryId: string; ordinal: number }

const LONGEST_DETAIL = 500

/** A detail quotes what came, and anything may come. */
export const shortened = (detail: string): string =>
  detail.length > LONGEST_DETAIL ? `${detail.slice(0, LONGEST_DETAIL)}…` : detail

type Why = { reason: string; detail: string }

export const toDeadLetter = ({ frame, entryId, ordinal }: FrameContext, stream: string, why: Why): DeadLetter => ({
  stream,
  entryId,
  ordinal,
  reason: why.reason,
  detail: shortened(why.detail),
  raw: frame.text,
  firstSeenTimeMs: frame.receivedTimeMs,
})

/** Keeps a frame's raw text with the reason why it was not used. */
export const addDeadLetter = (context: FrameContext, stream: string, why: Why): void => {
  context.batch.deadLetters.push(toDeadLetter(context, stream, why))
}
