import { Book, type BookLevels, type LevelChange } from '../domain/book.ts'
import type { Level } from '../domain/book-side.ts'
import type { BookEvent } from '../domain/event.ts'
import type { Frame, GapReason } from '../domain/frame.ts'
import type { Market, Outcome } from '../domain/market.ts'
import { shortened, type Batch } from './batch.ts'
import { addBookRows, type RowKind, type RowLevel } from './book-row.ts'
import { LadderChanges } from './ladder-changes.ts'
import type { OutcomeProgress, OutcomeStatus } from './progress.ts'
import { ChangeWindow } from './change-window.ts'

/** A `book` may come up to this much after changes that are newer than it (8 ms were seen between event types). */
const REORDER_MS = 100

export type BookResult = 'snapshot' | 'difference' | 'stale'
export type ChangeResult = 'changed' | 'unchanged' | 'older_than_snapshot' | 'held'

const EMPTY_ROW: RowLevel = { side: 'bid', priceText: '0', sizeText: '0' }

const toRows = (levels: BookLevels): RowLevel[] => [
  ...levels.bids.map((level): RowLevel => ({ side: 'bid', ...level })),
  ...levels.asks.map((level): RowLevel => ({ side: 'ask', ...level })),
]

/** The recorded book of one outcome: applies events in order and writes each as rows under the next sequence. */
export class OutcomeTape {
  readonly outcome: Outcome
  readonly marketId: string
  readonly book: Book
  readonly ladder = new LadderChanges()
  status: OutcomeStatus = 'waiting'
  sequence = 0
  capturedTimeMs = 0
  /** Venue time of the newest book or change that was applied. */
  exchangeTimeMs: number | undefined
  /** Venue time of the last whole book: older changes are in it already. */
  snapshotTimeMs = 0
  gapSequence: number | undefined
  gapReason: GapReason | undefined
  lastTradePrice: string | undefined
  hash: string | undefined
  changesSinceCheckpoint = 0
  /** Changes that came while there is no book (applied onto the snapshot that ends it), and the newest ones else. */
  readonly window = new ChangeWindow()

  constructor(market: Market, outcome: Outcome) {
    this.outcome = outcome
    this.marketId = market.marketId
    this.book = new Book({
      conditionId: market.conditionId,
      token: outcome.token,
      minOrderSize: market.minOrderSize,
      tickSize: market.tickSize,
      negRisk: market.negRisk,
      version: market.version,
    })
  }

  progress(): OutcomeProgress {
    const { sequence, capturedTimeMs, status, gapSequence, gapReason } = this
    return { sequence, capturedTimeMs, status, gapSequence, gapReason }
  }

  /** Continues from a stored position whose book is gone: sequences go on, the book waits for a snapshot. */
  resumeWithoutBook(progress: OutcomeProgress): void {
    this.sequence = progress.sequence
    this.capturedTimeMs = progress.capturedTimeMs
    this.gapSequence = progress.gapSequence
    this.gapReason = progress.gapReason
    this.status = progress.status
  }

  applyBook(event: BookEvent, frame: Frame, batch: Batch): BookResult {
    const isRest = frame.kind === 'rest'
    const newest = this.exchangeTimeMs ?? 0
    if (this.status === 'following') {
      const oldestTimeMs = Math.max(this.snapshotTimeMs, newest - REORDER_MS)
      if (isRest || event.exchangeTimeMs < oldestTimeMs) return 'stale'
      this.#learn(event)
      this.#applyDifference(event, frame, batch)
      return 'difference'
    }
    if (isRest && (event.exchangeTimeMs < newest || this.window.isBeyond(event.exchangeTimeMs))) return 'stale'
    this.#learn(event)
    this.#applySnapshot(event, frame, batch)
    return 'snapshot'
  }

  applyChange(change: LevelChange, exchangeTimeMs: number, context: { frame: Frame; batch: Batch }): ChangeResult {
    if (this.status !== 'following') {
      this.window.hold(change, exchangeTimeMs)
      return 'held'
    }
    if (exchangeTimeMs < this.snapshotTimeMs) return 'older_than_snapshot'
    this.window.remember(change, exchangeTimeMs, exchangeTimeMs - REORDER_MS)
    this.exchangeTimeMs = Math.max(this.exchangeTimeMs ?? 0, exchangeTimeMs)
    if (!this.book.apply(change)) return 'unchanged'
    this.#write('change', [change], { ...context, exchangeTimeMs })
    return 'changed'
  }

  /** Says in the history that the book may be incomplete from here on. A gap inside a gap only drops what was held. */
  openGap(reason: GapReason, detail: string, context: { frame: Frame; batch: Batch }): boolean {
    if (this.status === 'gap') {
      this.window.forget()
      return false
    }
    const lastGoodSequence = this.sequence
    this.status = 'gap'
    this.window.clear()
    this.#writeRows('gap', [EMPTY_ROW], { ...context, exchangeTimeMs: undefined })
    this.gapSequence = this.sequence
    this.gapReason = reason
    context.batch.gapsOpened.push({
      marketId: this.marketId,
      outcomeId: this.outcome.outcomeId,
      openedTimeMs: this.capturedTimeMs,
      reason,
      lastGoodSequence,
      gapSequence: this.sequence,
      detail: shortened(detail),
    })
    return true
  }

  #learn(event: BookEvent): void {
    const { identity } = this.book
    this.book.identity = {
      ...identity,
      tickSize: event.tickSize ?? identity.tickSize,
      minOrderSize: event.minOrderSize ?? identity.minOrderSize,
      negRisk: event.negRisk ?? identity.negRisk,
    }
    this.lastTradePrice = event.lastTradePrice ?? this.lastTradePrice
    this.hash = event.hash
  }

  #applySnapshot(event: BookEvent, frame: Frame, batch: Batch): void {
    this.book.replace(event.levels)
    this.ladder.replaceAll()
    const rows = toRows(this.book.top(0))
    const context = { frame, batch, exchangeTimeMs: event.exchangeTimeMs }
    this.#writeRows('snapshot', rows.length === 0 ? [EMPTY_ROW] : rows, context)
    this.status = 'following'
    this.snapshotTimeMs = event.exchangeTimeMs
    this.exchangeTimeMs = event.exchangeTimeMs
    this.#closeGap(batch)
    // What the connection sent before its own book in the same millisecond is in it; of REST nobody knows.
    const sinceTimeMs = frame.kind === 'rest' ? event.exchangeTimeMs : event.exchangeTimeMs + 1
    for (const held of this.window.take()) {
      if (held.exchangeTimeMs >= sinceTimeMs) this.applyChange(held.change, held.exchangeTimeMs, context)
    }
  }

  #applyDifference(event: BookEvent, frame: Frame, batch: Batch): void {
    const wanted = new Book(this.book.identity)
    wanted.replace(event.levels)
    for (const change of this.window.after(event.exchangeTimeMs)) wanted.apply(change)
    const changes = this.book.difference(wanted.top(0))
    for (const change of changes) this.book.apply(change)
    this.snapshotTimeMs = Math.max(this.snapshotTimeMs, event.exchangeTimeMs)
    this.exchangeTimeMs = Math.max(this.exchangeTimeMs ?? 0, event.exchangeTimeMs)
    if (changes.length > 0) this.#write('change', changes, { frame, batch, exchangeTimeMs: event.exchangeTimeMs })
  }

  #closeGap(batch: Batch): void {
    if (this.gapSequence === undefined) return
    batch.gapsClosed.push({
      outcomeId: this.outcome.outcomeId,
      gapSequence: this.gapSequence,
      closedTimeMs: this.capturedTimeMs,
      firstGoodSequence: this.sequence,
    })
    this.gapSequence = undefined
    this.gapReason = undefined
  }

  #write(kind: RowKind, changes: LevelChange[], context: WriteContext): void {
    for (const { side, level } of changes) this.ladder.set(side, level)
    this.changesSinceCheckpoint += changes.length
    this.#writeRows(
      kind,
      changes.map(({ side, level }) => toRow(side, level)),
      context,
    )
  }

  #writeRows(kind: RowKind, levels: RowLevel[], context: WriteContext): void {
    this.sequence += 1
    this.capturedTimeMs = Math.max(this.capturedTimeMs, context.frame.receivedTimeMs)
    const event = {
      marketId: this.marketId,
      outcomeId: this.outcome.outcomeId,
      sequence: this.sequence,
      kind,
      capturedTimeMs: this.capturedTimeMs,
      exchangeTimeMs: context.exchangeTimeMs,
      sourceReceivedTimeMs: context.frame.sourceReceivedTimeMs,
    }
    addBookRows(context.batch, event, levels)
  }
}

type WriteContext = { frame: Frame; batch: Batch; exchangeTimeMs: number | undefined }

const toRow = (side: RowLevel['side'], level: Level): RowLevel => ({
  side,
  priceText: level.priceText,
  sizeText: level.size === 0 ? '0' : level.sizeText,
})
