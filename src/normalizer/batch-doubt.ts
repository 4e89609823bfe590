import { Book, type BookIdentity, type BookLevels, type LevelChange } from '../domain/book.ts'
import type { Claim } from './judge.ts'
import type { LastTradePrices } from './last-trade-prices.ts'
import type { BatchMark, Doubt, Since } from './proof-state.ts'
import { isQuoteOf, type Quote } from './quote-watch.ts'

/** Event types overtake each other: a post-trade book may come this much after changes that are newer (8 ms were seen). */
const LATE_BOOK_MS = 100

export type Ended = {
  detail: string
  raisedTimeMs: number
  since: Since
  /** The book as it stood, where a newer whole book has overtaken the rest of the batch. */
  levels: BookLevels | undefined
  /** What the best prices must be, where the hash cannot be judged. */
  quote?: Quote
}

/** A batch of one book that ended wrong, until that is explained or an alarm. One at a time: the first stands. */
export class BatchDoubt {
  current: Doubt | undefined
  readonly #prices: LastTradePrices

  constructor(prices: LastTradePrices) {
    this.#prices = prices
  }

  /** Says that a batch ended wrong. What came after the first and is wrong too, no rest of the first explains. */
  raise({ exchangeTimeMs, timestamp, hash }: BatchMark, { levels, quote, since, ...told }: Ended): void {
    if (this.current !== undefined) {
      this.current = { ...this.current, lacking: undefined }
      return
    }
    const lacking = levels === undefined ? undefined : { levels, quote, prices: this.#prices.likely([]) }
    this.current = { exchangeTimeMs, timestamp, hash, lacking, ...told, ...since }
  }

  /**
   * A frame came that the book holds already, or that a newer one has overtaken. Where it is the rest of the batch, the book
   * of then is what the batch says: nothing was lost. One frame may be a part of the rest only, or come twice: then the doubt stands.
   */
  complete(change: LevelChange, { timestamp, hash }: Claim, identity: BookIdentity): void {
    const doubt = this.current
    if (doubt?.lacking === undefined || doubt.timestamp !== timestamp || doubt.hash !== hash) return
    const { levels, prices, quote } = doubt.lacking
    const book = new Book(identity)
    book.replace(levels)
    book.apply(change)
    // Of few prices, so that it needs no allowance: a check that is shed explains nothing.
    const likely = new Set([...prices, ...this.#prices.likely([])])
    const isWhole =
      quote === undefined ? [...likely].some((price) => book.hash(timestamp, price) === hash) : isQuoteOf(book, quote)
    this.current = isWhole ? undefined : { ...doubt, lacking: { levels: book.top(0), prices, quote } }
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
