import type { Book, BookIdentity } from '../domain/book.ts'
import { BatchDoubt } from './batch-doubt.ts'
import type { Claim, Judge, Verdict } from './judge.ts'
import type { LastTradePrices } from './last-trade-prices.ts'
import { fitsOtherTick } from './other-tick.ts'
import type {
  BatchMark,
  BatchVerdict,
  Doubt,
  ProofProgress,
  ProofState,
  Received,
  Since,
  Standing,
  Verified,
} from './proof-state.ts'

/**
 * Proves one outcome's book. Every frame of a batch carries the hash of the book after the batch's last change: so a
 * match proves the book at once, and a miss says nothing before the batch ends (an element with another time or hash, or
 * quiet). States: nothing pending → a batch open → (proved early) → ended: verified | doubted → alarm | explained.
 */
export class BookProof {
  state: ProofState = 'unverifiable'
  /** False once a whole REST book, which brings every input, did not hash to its own hash: an era that is not known. */
  isHashKnown = true
  readonly doubts: BatchDoubt
  #mark: BatchMark | undefined
  #isProved = false
  #verified: Verified | undefined
  #snapshot: Claim | undefined
  /** Of the whole book as it stands, whose check was shed. */
  #shed: (Claim & Received) | undefined
  /** Who decides by the book has asked in vain, with these prices and this identity. */
  #missed: { version: number; identity: BookIdentity } | undefined
  readonly #judge: Judge
  readonly #prices: LastTradePrices
  readonly #ticks: () => string[]

  /** `ticks`: those of the market's outcomes, which learn a change one after the other. */
  constructor({ judge, prices, ticks }: { judge: Judge; prices: LastTradePrices; ticks: () => string[] }) {
    this.#judge = judge
    this.#prices = prices
    this.#ticks = ticks
    this.doubts = new BatchDoubt(prices)
  }

  get doubt(): Doubt | undefined {
    return this.doubts.current
  }

  /** The last state that was proved; undefined before the first. */
  get verified(): Verified | undefined {
    return this.#verified
  }

  get mark(): BatchMark | undefined {
    return this.#mark
  }

  /** Batches end without a verdict: the shard lags. */
  get isShedding(): boolean {
    return this.#judge.isOverloaded
  }

  /** Whether there is a batch that is not proved yet. */
  get isOpen(): boolean {
    return this.#mark !== undefined && !this.#isProved
  }

  /** Whether an element is of the batch that is open. All batches of this millisecond are judged as one. */
  continues({ timestamp, hash }: Claim, wholeTimeMs: number): boolean {
    const mark = this.#mark
    if (mark === undefined || mark.timestamp !== timestamp) return false
    return mark.hash === hash || mark.exchangeTimeMs === wholeTimeMs
  }

  /** An element of a batch was applied. */
  take(mark: BatchMark): void {
    this.#mark = mark
    this.#shed = this.#missed = undefined
    this.#isProved = false
  }

  /** The end of a read: a match with the known price proves at once. True when it newly did. */
  proveEarly(at: Standing): boolean {
    return !this.#judge.isOverloaded && this.#proveOpen(at)
  }

  /**
   * The book decides something: it is hashed although checks are shed. Then its last trade price, which no shed check has
   * learned, is searched for too: of a whole book everywhere, of a batch, which may go on, among those that are likely.
   * True when it is newly proved.
   */
  proveNow(at: Standing, near: number[]): boolean {
    if (!this.#judge.isOverloaded || !this.isHashKnown) return this.#proveOpen(at)
    const [{ version }, { identity }] = [this.#prices, at.book]
    if (this.#missed?.version === version && this.#missed.identity === identity) return false
    const verdict = this.#proveShed(at, near)
    this.#missed = verdict === 'mismatch' ? { version, identity } : undefined
    return verdict === 'verified'
  }

  /** The batch has ended. Undefined where none was open, or it was proved before. */
  settle(at: Standing, near: number[]): { verdict: BatchVerdict; mark: BatchMark } | undefined {
    const mark = this.#mark
    this.#mark = undefined
    if (mark === undefined || this.#isProved) return undefined
    if (!this.#judge.isOverloaded) return { verdict: this.#judgeClaim(at, mark, near), mark }
    // Who decides by its end asked before. What does not fit is no alarm: it counts as the others that are shed.
    const isProved = this.#missed !== undefined && this.#judgeClaim(at, mark, near) === 'verified'
    return { verdict: isProved ? 'verified' : 'shed', mark }
  }

  /** A whole book is judged by its own hash, at once. */
  judgeBook(at: Standing, claim: Claim & Received, near: number[]): BatchVerdict {
    this.#mark = this.#shed = this.#missed = undefined
    this.#isProved = false
    if (claim.hash === '') return 'unverifiable'
    const search = { prices: this.#prices, near }
    const verdict = this.#judge.isOverloaded ? 'shed' : this.#judge.judge(at.book, claim, search)
    if (verdict === 'shed') this.#shed = claim
    if (verdict === 'verified') this.#proveWhole(claim, at)
    return verdict
  }

  /** Since when the book may be wrong although it is followed: a doubt, or a batch that is not proved. */
  weakness(): Since | undefined {
    if (this.doubt !== undefined) return this.doubt
    return this.isOpen || this.state !== 'verified' ? this.since() : undefined
  }

  since(): Since {
    return { sinceTimeMs: this.#verified?.receivedTimeMs, lastGoodSequence: this.#verified?.sequence }
  }

  /** A book that is older than what was applied came late: what was doubted lacked it. */
  explain(exchangeTimeMs: number): void {
    this.doubts.explain(exchangeTimeMs)
    this.#isProved = false
    this.#shed = this.#missed = undefined
  }

  /** The book is what it was under another sequence: where nothing is open, its proof stands. */
  renumber(from: number, to: number): void {
    if (!this.isOpen && this.#verified?.sequence === from) this.#verified = { ...this.#verified, sequence: to }
  }

  /** The book is not followed any more: what was open is not judged. After a doubt no equal hash says that nothing was missed. */
  drop(): void {
    if (this.doubt !== undefined && this.#verified !== undefined)
      this.#verified = { ...this.#verified, hash: undefined }
    this.#mark = this.#shed = this.#missed = this.doubts.current = undefined
    this.#isProved = false
  }

  progress(): ProofProgress {
    const { state, isHashKnown, doubt } = this
    const mark = this.#isProved ? undefined : this.#mark
    return { state, isHashKnown, doubt, mark, verified: this.#verified, snapshot: this.#snapshot }
  }

  restore({ state, isHashKnown, doubt, mark, verified, snapshot }: ProofProgress): void {
    this.state = state
    this.isHashKnown = isHashKnown
    this.doubts.current = doubt
    this.#mark = mark
    this.#isProved = false
    this.#verified = verified
    this.#snapshot = snapshot
  }

  #proveOpen(at: Standing): boolean {
    const mark = this.#openMark()
    if (mark === undefined || !this.#judge.isProved(at.book, mark, this.#prices)) return false
    this.#proveMark(mark, at)
    return true
  }

  #proveShed(at: Standing, near: number[]): Verdict {
    const [mark, whole] = [this.#openMark(), this.#shed]
    const search = { prices: this.#prices, near }
    if (mark !== undefined) {
      const verdict = this.#judge.judgeLikely(at.book, mark, search)
      if (verdict === 'verified') this.#proveMark(mark, at)
      return verdict
    }
    if (whole === undefined) return 'mismatch'
    const verdict = this.#judge.judge(at.book, whole, search)
    if (verdict === 'verified') this.#proveWhole(whole, at)
    return verdict
  }

  #openMark(): BatchMark | undefined {
    return this.#isProved || this.#mark?.hash === '' ? undefined : this.#mark
  }

  #proveMark(mark: BatchMark, at: Standing): void {
    this.isHashKnown = true
    this.#prove(mark, at)
    this.#isProved = true
  }

  #proveWhole(claim: Claim & Received, at: Standing): void {
    this.isHashKnown = true
    this.#shed = undefined
    this.#snapshot = claim
    this.#prove(claim, at)
  }

  #judgeClaim(at: Standing, mark: BatchMark, near: number[]): BatchVerdict {
    if (mark.hash === '') return 'unverifiable'
    const isProved = (): boolean => this.#judge.isProved(at.book, mark, this.#prices)
    if (!this.isHashKnown && !isProved()) return 'unverifiable'
    this.isHashKnown = true
    const verdict = this.#judge.judge(at.book, mark, { prices: this.#prices, near })
    const isOtherwiseProved = (): boolean =>
      this.#isSnapshot(at.book, mark) || fitsOtherTick(at.book, this.#ticks(), isProved)
    if (verdict === 'mismatch' && !isOtherwiseProved()) return 'mismatch'
    if (verdict === 'shed') return 'shed'
    this.#prove(mark, at)
    return 'verified'
  }

  /** A batch of the snapshot's own time may be in the snapshot already: then its elements changed nothing. */
  #isSnapshot(book: Book, { timestamp }: BatchMark): boolean {
    const snapshot = this.#snapshot
    return snapshot?.timestamp === timestamp && this.#judge.isProved(book, snapshot, this.#prices)
  }

  #prove({ hash, receivedTimeMs }: { hash: string } & Received, { sequence }: Standing): void {
    this.#verified = { hash, sequence, receivedTimeMs }
  }
}
