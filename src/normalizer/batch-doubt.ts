import { Book, type BookIdentity, type BookLevels, type LevelChange } from '../domain/book.ts'
import type { Claim, Judge } from './judge.ts'
import type { LastTradePrices } from './last-trade-prices.ts'
import type { BatchMark, Doubt, Since } from './proof-state.ts'

/** Event types overtake each other: a post-trade book may come this much after changes that are newer (8 ms were seen). */
const LATE_BOOK_MS = 100

type Ended = { detail: string; raisedTimeMs: number; since: Since; lacking: BookLevels | undefined }

/** A batch of one book that ended wrong, until that is explained or an alarm. One at a time: the first stands. */
export class BatchDoubt {
  current: Doubt | undefined
  readonly #judge: Judge
  readonly #prices: LastTradePrices

  constructor(judge: Judge, prices: LastTradePrices) {
    this.#judge = judge
    this.#prices = prices
  }

  /** Says that a batch ended wrong. What came after the first and is wrong too, no rest of the first explains. */
  raise({ exchangeTimeMs, timestamp, hash }: BatchMark, { detail, raisedTimeMs, since, lacking }: Ended): void {
    const first = this.current
    if (first !== undefined) this.current = { ...first, lacking: undefined }
    else this.current = { exchangeTimeMs, timestamp, hash, raisedTimeMs, detail, lacking, ...since }
  }

  /**
   * A frame came that the book holds already, or that a newer one has overtaken. Where it is the rest of the batch, the book
   * of then hashes to what the batch says: nothing was lost. Another frame of the batch may be, or the same come again.
   */
  complete(change: LevelChange, { timestamp, hash }: Claim, identity: BookIdentity): void {
    const doubt = this.current
    if (doubt?.lacking === undefined || doubt.timestamp !== timestamp || doubt.hash !== hash) return
    const book = new Book(identity)
    book.replace(doubt.lacking)
    book.apply(change)
    const isOpen = this.#judge.judge(book, doubt, { prices: this.#prices, near: [] }) === 'mismatch'
    this.current = isOpen ? { ...doubt, lacking: book.top(0) } : undefined
  }

  /** A book that is older than what was applied came late: what was doubted lacked it. */
  explain(exchangeTimeMs: number): void {
    if (this.current !== undefined && exchangeTimeMs <= this.current.exchangeTimeMs) this.current = undefined
  }

  /** The doubt that nothing explained in time. */
  alarm(receivedTimeMs: number): Doubt | undefined {
    const { current } = this
    return current !== undefined && receivedTimeMs - current.raisedTimeMs > LATE_BOOK_MS ? current : undefined
  }
}
