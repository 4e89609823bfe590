import type { Book } from '../domain/book.ts'
import { bringsInputs, type BookEvent, type PriceChange } from '../domain/event.ts'
import type { Stats } from '../lib/stats.ts'
import type { Batch, GapCause, TapeContext } from './batch.ts'
import type { Ended } from './batch-doubt.ts'
import { BookProof } from './book-proof.ts'
import type { MessageTime } from './change-window.ts'
import type { Judge } from './judge.ts'
import type { LastTradePrices } from './last-trade-prices.ts'
import {
  VERDICT_COUNTERS,
  type BatchMark,
  type BatchVerdict,
  type ProofProgress,
  type ProofState,
  type Since,
  type Standing,
} from './proof-state.ts'
import { isQuoteOf, quoteOf, QuoteWatch, toQuote, type QuoteWatchState } from './quote-watch.ts'

/** A batch that nothing follows has ended after this. Its frames come within milliseconds, unless the feed hangs. */
const BATCH_QUIET_MS = 1_000
/** After a hang the frames that waited come at once: the first of them ends nothing, one that comes this much later does. */
const CATCH_UP_MS = 20

/** What the outcomes of a market share. `tally` counts the market's batches of an hour. */
export type ProofDeps = {
  judge: Judge
  prices: LastTradePrices
  stats: Stats
  tally: (verdict: BatchVerdict) => void
  ticks: () => string[]
}

export type VerificationState = ProofProgress & { quotes: QuoteWatchState; lateTimeMs: number | undefined }

/** The outcome whose book is verified: its fields say how it stands now. */
export type Subject = Readonly<Standing & { outcomeId: string; capturedTimeMs: number }>

/**
 * Compares one outcome's book with all that the venue says of it: the hash of each batch and of each whole book, the best
 * prices of a batch whose hash cannot be judged, and every `best_bid_ask`.
 */
export class Verification {
  readonly proof: BookProof
  readonly #quotes = new QuoteWatch()
  readonly #subject: Subject
  readonly #deps: ProofDeps
  /** Prices in which the last whole book differed from the one before: among them is that of the trade. */
  #near: number[] = []
  /** Receive time of the first frame at which something was late. */
  #lateTimeMs: number | undefined
  /** The state that is stored of the proof; undefined where that is not known. */
  #toldState: ProofState | undefined = 'unverifiable'

  constructor(subject: Subject, deps: ProofDeps) {
    this.#subject = subject
    this.#deps = deps
    this.proof = new BookProof(deps)
  }

  /** Before an element is applied: what is open ends, unless the element is of it. */
  beforeChange(change: PriceChange, time: MessageTime, wholeTimeMs: number, context: TapeContext): void {
    if (!this.proof.continues({ timestamp: time.timestamp, hash: change.hash }, wholeTimeMs)) this.endBatch(context)
  }

  /** A change came that the book holds already, or that a newer book has overtaken. */
  passOver(change: PriceChange, { timestamp, exchangeTimeMs }: MessageTime): void {
    this.proof.doubts.complete(change, { timestamp, hash: change.hash }, this.#subject.book.identity)
    this.#quotes.forgive(exchangeTimeMs)
  }

  /** A late book was put below newer changes: its own state was passed over. */
  passBook(state: Book, exchangeTimeMs: number): void {
    this.proof.explain(exchangeTimeMs)
    this.#quotes.meet(quoteOf(state))
  }

  afterChange({ hash, bestBid, bestAsk }: PriceChange, time: MessageTime, receivedTimeMs: number): void {
    const { exchangeTimeMs, timestamp } = time
    this.proof.take({ timestamp, hash, exchangeTimeMs, bestBid, bestAsk, receivedTimeMs })
    this.noteBest(exchangeTimeMs, receivedTimeMs)
  }

  noteBest(exchangeTimeMs: number, receivedTimeMs: number): void {
    this.#quotes.note(this.#subject.book, exchangeTimeMs, receivedTimeMs)
  }

  /** A `best_bid_ask`: comes before the change it tells of. */
  expectQuote(bestBid: string, bestAsk: string, times: { exchangeTimeMs: number; receivedTimeMs: number }): void {
    const quote = toQuote(bestBid, bestAsk)
    if (quote !== undefined) this.#quotes.expect(this.#subject.book, { ...quote, ...times, ...this.proof.since() })
  }

  /** Judges the batch that is open. Cut off by a loss, it can only be proved; overtaken by a whole book, its rest may come. */
  endBatch({ frame, batch }: TapeContext, by?: 'cut' | 'overtaken', raisedTimeMs = frame.receivedTimeMs): void {
    const subject = this.#subject
    const settled = this.proof.settle(subject, this.#near)
    if (settled === undefined || (by === 'cut' && settled.verdict !== 'verified')) return
    const { verdict, mark } = settled
    const { timestamp, hash, receivedTimeMs } = mark
    this.#tally(verdict)
    if (verdict === 'mismatch') this.#record('unverifiable', batch, receivedTimeMs)
    else this.#tell(verdict === 'verified' ? 'verified' : 'unverifiable', batch, receivedTimeMs)
    if (verdict === 'verified' || verdict === 'shed') return
    const levels = by === 'overtaken' ? subject.book.top(0) : undefined
    const ended = { raisedTimeMs, since: this.proof.since(), levels }
    const detail = `the book after the batch of ${timestamp} does not hash to ${hash}`
    if (verdict === 'mismatch') this.proof.doubts.raise(mark, { detail, ...ended })
    else this.#judgeBest(subject, mark, ended)
  }

  /** The end of a read. */
  proveEarly(batch: Batch): void {
    if (this.proof.proveEarly(this.#subject)) this.#tellProof(batch)
  }

  /** Somebody decides by the book as it stands, whether checks are shed or not. */
  proveNow(batch: Batch): void {
    if (this.proof.proveNow(this.#subject, this.#near)) this.#tellProof(batch)
  }

  /** Beside each frame of the market: ends a batch that nothing followed, and says what is overdue. */
  heed(context: TapeContext): GapCause | undefined {
    const { receivedTimeMs } = context.frame
    const { mark } = this.proof
    const isQuiet = mark !== undefined && receivedTimeMs - mark.receivedTimeMs > BATCH_QUIET_MS
    const quote = this.#quotes.overdue(receivedTimeMs)
    const isLate = isQuiet || quote !== undefined
    this.#lateTimeMs = isLate ? (this.#lateTimeMs ?? receivedTimeMs) : undefined
    const isOver = receivedTimeMs - (this.#lateTimeMs ?? receivedTimeMs) > CATCH_UP_MS
    if (isQuiet && isOver) this.endBatch(context, undefined, mark.receivedTimeMs)
    const alarm = this.proof.doubts.alarm(receivedTimeMs)
    if (alarm !== undefined) {
      const { detail, sinceTimeMs, lastGoodSequence } = alarm
      return { reason: 'hash_mismatch', detail, sinceTimeMs, lastGoodSequence }
    }
    if (quote === undefined || !isOver) return undefined
    const best = `${quote.bid / 1_000_000} / ${quote.ask / 1_000_000}`
    const detail = `no state of the book met the best_bid_ask ${best} of ${quote.exchangeTimeMs}`
    const { sinceTimeMs, lastGoodSequence } = quote
    return { reason: 'best_price', detail, sinceTimeMs, lastGoodSequence }
  }

  /** Something waits for a proof that only a further frame can bring. */
  isInDoubt(nowMs: number): boolean {
    const { mark, doubt, isOpen } = this.proof
    const isQuiet = isOpen && mark !== undefined && nowMs - mark.receivedTimeMs > BATCH_QUIET_MS
    return isQuiet || doubt !== undefined || this.#quotes.overdue(nowMs) !== undefined
  }

  /** A whole book was applied as it is. Returns the gap that it opens where it does not hash to its own hash. */
  judgeBook(event: BookEvent, near: number[], { frame, batch }: TapeContext): GapCause | undefined {
    this.#near = near
    const { timestamp, hash } = event
    const { receivedTimeMs } = frame
    const found = this.proof.judgeBook(this.#subject, { timestamp, hash, receivedTimeMs }, near)
    if (found === 'mismatch' && bringsInputs(event)) this.proof.isHashKnown = false
    const verdict = found === 'mismatch' && !this.proof.isHashKnown ? 'unverifiable' : found
    this.#tally(verdict)
    this.#tell(verdict === 'verified' ? 'verified' : 'unverifiable', batch, receivedTimeMs)
    if (verdict !== 'mismatch') return undefined
    const detail = `the book of ${timestamp} does not hash to its own ${hash}: is an input (tick size, least order, neg-risk) another?`
    return { reason: 'hash_mismatch', detail, ...this.proof.since() }
  }

  /** The hash's inputs changed: a new epoch of the book, unproved until a hash fits. */
  startEpoch(context: TapeContext): void {
    this.endBatch(context)
    this.#tell('unverifiable', context.batch, context.frame.receivedTimeMs)
  }

  /** What was stored of the proof may be another state than that of now: whatever the first verdict says is told. */
  forgetTold(): void {
    this.#toldState = undefined
  }

  /** Frames were lost: judges what is open as it stands. Returns since when the book was not proved before that. */
  cut(context: TapeContext): Since | undefined {
    const before = this.#weakness()
    const { isOpen, mark } = this.proof
    this.endBatch(context, 'cut')
    // What changed beyond the levels that are kept took no sequence.
    const isEndProved = !isOpen || this.proof.verified?.receivedTimeMs === mark?.receivedTimeMs
    const isProved = isEndProved && this.proof.verified?.sequence === this.#subject.sequence
    return this.#weakness() ?? (isProved ? undefined : before)
  }

  /** The book is not followed any more. */
  drop(): void {
    this.proof.drop()
    this.#quotes.clear()
  }

  /** The book begins anew: quotes of before say nothing of it. */
  restart(): void {
    this.#quotes.clear()
  }

  state(): VerificationState {
    return { ...this.proof.progress(), quotes: this.#quotes.state(), lateTimeMs: this.#lateTimeMs }
  }

  restore(state: VerificationState): void {
    this.proof.restore(state)
    this.#quotes.restore(state.quotes)
    this.#lateTimeMs = state.lateTimeMs
    this.#toldState = state.state
  }

  #weakness(): Since | undefined {
    return this.proof.weakness() ?? this.#quotes.since()
  }

  #judgeBest({ book }: Standing, mark: BatchMark, ended: Omit<Ended, 'detail'>): void {
    const quote = toQuote(mark.bestBid, mark.bestAsk)
    if (quote === undefined || isQuoteOf(book, quote)) return
    const detail = `after the batch of ${mark.timestamp} the best prices are not ${mark.bestBid} and ${mark.bestAsk}`
    this.proof.doubts.raise(mark, { detail, quote, ...ended })
  }

  #tellProof(batch: Batch): void {
    const { mark, verified } = this.proof
    // A whole book, which has no mark, was counted when its check was shed.
    if (mark !== undefined) this.#tally('verified')
    this.#tell('verified', batch, verified?.receivedTimeMs ?? 0)
  }

  #tally(verdict: BatchVerdict): void {
    this.#deps.stats.count(VERDICT_COUNTERS[verdict])
    this.#deps.tally(verdict)
  }

  #tell(state: ProofState, batch: Batch, receivedTimeMs: number): void {
    this.proof.state = state
    this.#record(state, batch, receivedTimeMs)
  }

  /** What history says of the book: of a doubt at once, while `state` waits for the alarm. */
  #record(state: ProofState, batch: Batch, receivedTimeMs: number): void {
    if (this.#toldState === state) return
    this.#toldState = state
    const { outcomeId, sequence, capturedTimeMs } = this.#subject
    batch.proofs.push({ outcomeId, sequence, capturedTimeMs: Math.max(capturedTimeMs, receivedTimeMs), state })
  }
}
