import type { Level } from '../domain/book-side.ts'
import type { Frame, GapReason } from '../domain/frame.ts'
import type { Market, MarketState } from '../domain/market.ts'
import type { FrameTimes } from './latency.ts'
import type { MarketProgress, OutcomeStatus } from './progress.ts'

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
}

export type GapOpened = {
  marketId: string
  outcomeId: string
  openedTimeMs: number
  reason: GapReason
  lastGoodSequence: number
  gapSequence: number
  detail: string
}

export type GapClosed = { outcomeId: string; gapSequence: number; closedTimeMs: number; firstGoodSequence: number }

export type DeadLetter = {
  stream: string
  entryId: string
  ordinal: number
  reason: string
  detail: string
  raw: string
  firstSeenTimeMs: number
}

/** Best prices of a market's first outcome; an absent side is undefined. */
export type QuoteRow = {
  marketId: string
  bid: Level | undefined
  ask: Level | undefined
  sequence: number
  state: MarketState
  exchangeTimeMs: number | undefined
  updatedTimeMs: number
}

/** How far a stream is applied; the commit demands that Postgres still stands at `expected`. */
export type OffsetRow = { stream: string; expected: string; lastId: string; sequence: number; progress: MarketProgress }

/** What re-applying the stream needs besides the book itself. `recent` is [side, price, size, venue time ms]. */
export type CheckpointResume = {
  subscription: MarketProgress['subscription']
  status: OutcomeStatus
  gapSequence: number | undefined
  gapReason: GapReason | undefined
  snapshotTimeMs: number
  droppedTimeMs: number
  recent: [side: 'bid' | 'ask', price: string, size: string, exchangeTimeMs: number][]
}

/** A whole book at a position of its stream. Levels are `[price, size]` texts, best first. */
export type CheckpointRow = {
  marketId: string
  outcomeId: string
  sequence: number
  streamId: string
  epoch: string
  ordinal: number
  capturedTimeMs: number
  exchangeTimeMs: number | undefined
  lastTradePrice: string | undefined
  tickSize: string
  hash: string | undefined
  bids: [string, string][]
  asks: [string, string][]
  resume: CheckpointResume
}

/** All that one transaction writes. `bookLines` are COPY lines of `order_books`, in the order of its columns. */
export type Batch = {
  bookLines: string[]
  bookBytes: number
  fills: FillRow[]
  gapsOpened: GapOpened[]
  gapsClosed: GapClosed[]
  deadLetters: DeadLetter[]
  checkpoints: CheckpointRow[]
  quotes: Map<string, QuoteRow>
  offsets: Map<string, OffsetRow>
  markets: Map<string, Market>
  resolvedMarkets: Map<string, number>
  /** UTC days (epoch days) of `captured_at` among the rows: their partitions must be there. */
  days: Set<number>
  /** Of the frames that changed a book, for the latency to commit. */
  frameTimes: FrameTimes[]
  frameCount: number
  /** UTF-16 units of the raw texts that were applied: what a batch keeps of them is bounded by it. */
  frameBytes: number
}

export const newBatch = (): Batch => ({
  bookLines: [],
  bookBytes: 0,
  fills: [],
  gapsOpened: [],
  gapsClosed: [],
  deadLetters: [],
  checkpoints: [],
  quotes: new Map(),
  offsets: new Map(),
  markets: new Map(),
  resolvedMarkets: new Map(),
  days: new Set(),
  frameTimes: [],
  frameCount: 0,
  frameBytes: 0,
})

export const isEmpty = (batch: Batch): boolean => batch.offsets.size === 0

/** Where a frame stands in its stream, and the batch that takes what comes of it. */
export type FrameContext = { frame: Frame; batch: Batch; entryId: string; ordinal: number }

const LONGEST_DETAIL = 500

/** A detail quotes what came, and anything may come. */
export const shortened = (detail: string): string =>
  detail.length > LONGEST_DETAIL ? `${detail.slice(0, LONGEST_DETAIL)}…` : detail

/** Keeps a frame's raw text with the reason why it was not used. */
export const addDeadLetter = (context: FrameContext, stream: string, why: { reason: string; detail: string }): void => {
  const { frame, batch, entryId, ordinal } = context
  const firstSeenTimeMs = frame.receivedTimeMs
  const { reason } = why
  const detail = shortened(why.detail)
  batch.deadLetters.push({ stream, entryId, ordinal, reason, detail, raw: frame.text, firstSeenTimeMs })
}
