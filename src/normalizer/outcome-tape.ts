import { Book, learnIdentity } from '../domain/book.ts'
import type { BookEvent, PriceChange } from '../domain/event.ts'
import { applyKept, replaceKept } from '../domain/kept-levels.ts'
import type { GapReason } from '../domain/frame.ts'
import type { Market, Outcome } from '../domain/market.ts'
import type { GapCause, TapeContext } from './batch.ts'
import { bookFate, REORDER_MS } from './book-fate.ts'
import { ChangeWindow, type MessageTime } from './change-window.ts'
import { EMPTY_ROW, EventWriter, toRows, writtenBy } from './event-writer.ts'
import { closeGap, recordGap, toGapOpened } from './gap-rows.ts'
import { tellBook, tellChanges, type MarketListener } from './listener.ts'
import type { OutcomeStatus } from '../domain/progress.ts'
import { standingOf } from './outcome-progress.ts'
import { isAhead } from './possible-time.ts'
import { endSheds } from './shed-books.ts'
import { TradeOrdinals } from './trade-ordinals.ts'
import { Verification, type ProofDeps } from './verification.ts'

const NEAR_PRICES = 8

export type BookResult = 'snapshot' | 'difference' | 'stale'
export type ChangeResult = 'changed' | 'unchanged' | 'older' | 'held'

/** The recorded book of one outcome: applies events in order, writes each under the next sequence, has it verified. */
export class OutcomeTape {
  readonly outcome: Outcome
  readonly marketId: string
  readonly book: Book
  readonly writer: EventWriter
  readonly verification: Verification
  status: OutcomeStatus = 'waiting'
  /** Venue time of the newest book or change that was applied, and the hash that came with it. */
  exchangeTimeMs: number | undefined
  hash: string | undefined
  /** Venue time of the newest of them that was not 60 s ahead of our clock. */
  presentTimeMs = 0
  /** Receive time of the newest book or change that was applied. */
  appliedTimeMs = 0
  /** Venue time of the newest change: those of one connection come in order, so an older one comes again. */
  changeTimeMs = 0
  /** Venue time of the last whole book: older changes are in it already. */
  snapshotTimeMs = 0
  /** `changeTimeMs` where another connection went on: of this very millisecond it says again what was applied. */
  joinedTimeMs = 0
  gapSequence: number | undefined
  gapReason: GapReason | undefined
  /** Changes that came while there is no book (applied onto the snapshot that ends it), and the newest ones else. */
  readonly window = new ChangeWindow()
  /** Numbers of equal trades, for the identity of fills. */
  readonly trades = new TradeOrdinals()
  /** The market's. */
  readonly listeners: MarketListener[]
  readonly deps: ProofDeps

  constructor(market: Market, outcome: Outcome, deps: ProofDeps & { listeners: MarketListener[] }) {
    const { conditionId, minOrderSize, tickSize, negRisk, version } = market
    const { outcomeId, token } = outcome
    this.outcome = outcome
    this.marketId = market.marketId
    this.book = new Book({ conditionId, token, minOrderSize, tickSize, negRisk, version })
    this.writer = new EventWriter(market.marketId, outcomeId)
    this.deps = deps
    this.listeners = deps.listeners
    this.verification = new Verification(standingOf(this), deps)
  }

  get sequence(): number {
    return this.writer.sequence
  }

  /** Followed, and every batch so far hashes to what the venue says. */
  get isProved(): boolean {
    return this.status === 'following' && this.verification.proof.state === 'verified'
  }

  /** Changes came before the first book, or the book is followed and not proved: a whole book would help. */
  get needsBook(): boolean {
    return this.status === 'waiting' ? !this.window.isEmpty : this.status === 'following' && !this.isProved
  }

  applyBook(event: BookEvent, context: TapeContext): BookResult {
    const isRest = context.frame.kind === 'rest'
    switch (bookFate(this, { exchangeTimeMs: event.exchangeTimeMs, isRest })) {
      case 'compare':
        return this.#compareRest(event, context)
      case 'stale':
        return 'stale'
      case 'difference':
        this.#applyDifference(event, context)
        return 'difference'
      case 'snapshot':
        return this.#applySnapshot(event, context)
    }
  }

  applyChange(change: PriceChange, time: MessageTime, context: TapeContext): ChangeResult {
    const { exchangeTimeMs } = time
    if (this.status !== 'following') {
      this.window.hold(change, time)
      return 'held'
    }
    if (exchangeTimeMs < Math.max(this.snapshotTimeMs, this.changeTimeMs)) {
      if (exchangeTimeMs < this.snapshotTimeMs) this.verification.passOver(change, time) // A newer book holds it.
      return 'older'
    }
    this.verification.beforeChange(change, time, Math.max(this.snapshotTimeMs, this.joinedTimeMs), context)
    this.window.remember(change, time, exchangeTimeMs - REORDER_MS)
    const written = writtenBy(context, exchangeTimeMs)
    tellChanges(this, [change], written)
    const kept = applyKept(this.book, change, this.writer.depth)
    if (kept === undefined) this.verification.passOver(change, time)
    else this.writer.writeChanges(kept, written)
    if (kept !== undefined) tellBook(this, 'change', written)
    this.changeTimeMs = exchangeTimeMs
    this.#note(exchangeTimeMs, change.hash, context)
    this.verification.afterChange(change, time, context.frame.receivedTimeMs)
    return kept === undefined ? 'unchanged' : 'changed'
  }

  /** A `best_bid_ask` of this outcome. One that is older than the last whole book says nothing of it. */
  expectQuote(bestBid: string, bestAsk: string, times: { exchangeTimeMs: number; receivedTimeMs: number }): void {
    if (this.status !== 'following' || times.exchangeTimeMs < this.snapshotTimeMs) return
    this.verification.expectQuote(bestBid, bestAsk, times)
  }

  /** True while something waits for a proof that only a further frame can bring. */
  isInDoubt(nowMs: number): boolean {
    return this.status === 'following' && this.verification.isInDoubt(nowMs)
  }

  /** Before a frame of the market is applied: opens the gap of what is overdue. */
  heed(context: TapeContext): void {
    if (this.status !== 'following') return
    const cause = this.verification.heed(context)
    if (cause !== undefined) this.openGap(cause, context)
  }

  /** A new tick: the hashes to come are over it. */
  changeTick(tickSize: string, context: TapeContext): void {
    if (tickSize === this.book.identity.tickSize) return
    this.verification.startEpoch(context)
    this.book.identity = { ...this.book.identity, tickSize }
  }

  /** Says in the history that the book may be incomplete from here on. A gap inside a gap only drops what was held. */
  openGap(cause: GapCause, context: TapeContext): void {
    if (this.status === 'gap') return this.window.forget()
    const since = this.verification.cut(context)
    const opened = toGapOpened(this, { cause, since }, this.writer.timeOf(context.frame))
    this.status = 'gap'
    this.window.clear()
    this.verification.drop()
    const written = writtenBy(context, undefined)
    this.writer.write('gap', [EMPTY_ROW], written)
    tellBook(this, 'gap', written)
    this.gapSequence = opened.gapSequence
    this.gapReason = cause.reason
    recordGap(opened, context.batch, this.deps.stats)
  }

  /**
   * REST need not be newer than what is followed, so it corrects nothing by itself. But where a book could not be proved,
   * the same book at REST proves it, and another book of the same hash shows that it is wrong.
   */
  #compareRest(event: BookEvent, context: TapeContext): BookResult {
    if (this.isProved || event.exchangeTimeMs < (this.exchangeTimeMs ?? 0)) return 'stale'
    if (this.book.difference(event.levels).length === 0) {
      this.#learn(event)
      this.verification.judgeBook(event, [], context)
    } else if (event.hash === this.hash) {
      const detail = `REST shows another book for the hash ${event.hash}`
      this.openGap({ reason: 'hash_mismatch', detail, ...this.verification.proof.since() }, context)
      return this.#applySnapshot(event, context)
    }
    return 'stale'
  }

  #note(exchangeTimeMs: number, hash: string, { frame }: TapeContext): void {
    if (exchangeTimeMs >= (this.exchangeTimeMs ?? 0)) this.hash = hash
    this.exchangeTimeMs = Math.max(this.exchangeTimeMs ?? 0, exchangeTimeMs)
    if (!isAhead(exchangeTimeMs, frame)) this.presentTimeMs = Math.max(this.presentTimeMs, exchangeTimeMs)
    this.appliedTimeMs = Math.max(this.appliedTimeMs, frame.receivedTimeMs)
  }

  #learn(event: BookEvent): void {
    this.book.identity = learnIdentity(this.book.identity, event)
    if (event.lastTradePrice !== undefined) this.deps.prices.learn(event.lastTradePrice)
  }

  #applySnapshot(event: BookEvent, context: TapeContext): BookResult {
    const { exchangeTimeMs } = event
    // Only of a new connection's own book: REST may answer from before a loss.
    const isNothingMissed = context.frame.kind !== 'rest' && this.verification.proof.verified?.hash === event.hash
    this.#learn(event)
    this.book.replace(event.levels)
    this.writer.ladder.replaceAll()
    const written = writtenBy(context, exchangeTimeMs)
    this.writer.write('snapshot', toRows(this.book.top(this.writer.depth)), written)
    this.status = 'following'
    tellBook(this, 'snapshot', written)
    this.snapshotTimeMs = this.exchangeTimeMs = exchangeTimeMs
    this.changeTimeMs = 0
    this.#note(exchangeTimeMs, event.hash, context)
    closeGap(this, context.batch, isNothingMissed)
    endSheds(this, context)
    this.verification.restart()
    this.verification.noteBest(exchangeTimeMs, context.frame.receivedTimeMs)
    const cause = this.verification.judgeBook(event, [], context)
    this.#applyHeld(exchangeTimeMs, context)
    if (cause !== undefined) this.openGap(cause, context)
    return 'snapshot'
  }

  /** What the connection sent before its own book in the same millisecond is in it; of REST nobody knows. */
  #applyHeld(snapshotTimeMs: number, context: TapeContext): void {
    const sinceTimeMs = context.frame.kind === 'rest' ? snapshotTimeMs : snapshotTimeMs + 1
    for (const { change, time } of this.window.take()) {
      if (time.exchangeTimeMs >= sinceTimeMs) this.applyChange(change, time, context)
    }
  }

  #applyDifference(event: BookEvent, context: TapeContext): void {
    const { exchangeTimeMs } = event
    const newer = this.window.after(exchangeTimeMs)
    if (newer.length === 0) this.verification.endBatch(context, 'overtaken')
    this.#learn(event)
    const wanted = new Book(this.book.identity)
    wanted.replace(event.levels)
    if (newer.length > 0) this.verification.passBook(wanted, exchangeTimeMs)
    for (const change of newer) wanted.apply(change)
    const levels = wanted.top(0)
    const changes = this.book.difference(levels)
    const written = writtenBy(context, exchangeTimeMs)
    tellChanges(this, changes, written)
    const kept = replaceKept(this.book, { levels, changes }, this.writer.depth)
    this.snapshotTimeMs = Math.max(this.snapshotTimeMs, exchangeTimeMs)
    this.writer.writeChanges(kept, written)
    if (changes.length > 0) tellBook(this, 'change', written)
    this.#note(exchangeTimeMs, event.hash, context)
    this.verification.noteBest(exchangeTimeMs, context.frame.receivedTimeMs)
    if (newer.length > 0) return
    const near = changes.slice(0, NEAR_PRICES).map(({ level }) => level.price)
    const cause = this.verification.judgeBook(event, near, context)
    if (cause !== undefined) this.openGap(cause, context)
  }
}
