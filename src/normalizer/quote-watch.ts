import { toMillionths } from '../domain/decimal.ts'
import type { Since } from './proof-state.ts'
import type { Book } from '../domain/book.ts'

/** Best prices in millionths; an empty side is 0 or one million, as the venue says it. */
export type Quote = { bid: number; ask: number }
type Seen = Quote & { receivedTimeMs: number }
type Times = { exchangeTimeMs: number; receivedTimeMs: number }
type Expected = Quote & Since & Times

export type QuoteWatchState = { seen: Seen[]; expected: Expected[]; newestChangeTimeMs: number }

const EMPTY_BID = 0
const EMPTY_ASK = 1_000_000
/** A `best_bid_ask` comes up to 5 ms before its change, and any state within this time satisfies it. */
const WITHIN_MS = 100
/** Changes come in the venue's order: one this much younger than the quote says that the quote's own has come or is lost. */
const PASSED_MS = 10
/** Without a younger change: so long may the feed hang between two frames. */
const PATIENCE_MS = 1_000
const KEPT = 32

const isSame = (left: Quote, right: Quote): boolean => left.bid === right.bid && left.ask === right.ask

/** By either clock: a feed that hangs receives late what the venue did in time. */
const isInTime = (expected: Times, { exchangeTimeMs, receivedTimeMs }: Times): boolean =>
  exchangeTimeMs <= expected.exchangeTimeMs + WITHIN_MS || receivedTimeMs <= expected.receivedTimeMs + WITHIN_MS

export const quoteOf = (book: Book): Quote => {
  const { bid, ask } = book.best()
  return { bid: bid?.price ?? EMPTY_BID, ask: ask?.price ?? EMPTY_ASK }
}

/** An empty side comes as `""`, as 0 (bid) or as 1 (ask; 0 was documented too). Undefined where it is no price. */
export const toQuote = (bestBid: string, bestAsk: string): Quote | undefined => {
  const bid = bestBid === '' ? EMPTY_BID : toMillionths(bestBid)
  const ask = bestAsk === '' ? EMPTY_ASK : toMillionths(bestAsk)
  if (bid === undefined || ask === undefined) return undefined
  return { bid, ask: ask === 0 ? EMPTY_ASK : ask }
}

export const isQuoteOf = (book: Book, quote: Quote): boolean => isSame(quoteOf(book), quote)

/** Compares one book with the `best_bid_ask`s that the venue sends of it: each must be met by a state of about its time. */
export class QuoteWatch {
  #seen: Seen[] = []
  #expected: Expected[] = []
  #newestChangeTimeMs = 0

  /** Call after each change of the book. */
  note(book: Book, exchangeTimeMs: number, receivedTimeMs: number): void {
    this.#newestChangeTimeMs = Math.max(this.#newestChangeTimeMs, exchangeTimeMs)
    const bid = book.bids.best()?.price ?? EMPTY_BID
    const ask = book.asks.best()?.price ?? EMPTY_ASK
    const last = this.#seen[this.#seen.length - 1]
    // The last quote stood until now.
    if (last !== undefined) last.receivedTimeMs = receivedTimeMs
    if (last !== undefined && last.bid === bid && last.ask === ask) return
    this.#seen.push({ bid, ask, receivedTimeMs })
    if (this.#seen.length > KEPT) this.#seen.shift()
    if (this.#expected.length > 0) this.#meetInTime({ bid, ask }, { exchangeTimeMs, receivedTimeMs })
  }

  #meetInTime(quote: Quote, times: Times): void {
    this.#expected = this.#expected.filter((expected) => !isSame(expected, quote) || !isInTime(expected, times))
  }

  expect(book: Book, expected: Expected): void {
    const isMet =
      isQuoteOf(book, expected) ||
      this.#seen.some((seen) => isSame(seen, expected) && expected.receivedTimeMs - seen.receivedTimeMs <= WITHIN_MS)
    if (isMet) return
    this.#expected.push(expected)
    if (this.#expected.length > KEPT) this.#expected.shift()
  }

  /** A change of this time came when a newer book held it already: its quote was true, and is met by no state. */
  forgive(exchangeTimeMs: number): void {
    if (this.#expected.length === 0) return
    this.#expected = this.#expected.filter((one) => Math.abs(one.exchangeTimeMs - exchangeTimeMs) > PASSED_MS)
  }

  /** A state that the book passed over: a late book, before the changes that are newer. */
  meet(quote: Quote): void {
    this.#expected = this.#expected.filter((expected) => !isSame(expected, quote))
  }

  /** What was proved last before the oldest quote that is not met yet. */
  since(): Since | undefined {
    return this.#expected[0]
  }

  /** The oldest quote that no state met in time; the book misses a change. */
  overdue(receivedTimeMs: number): Expected | undefined {
    const oldest = this.#expected[0]
    if (oldest === undefined) return undefined
    const waitedMs = receivedTimeMs - oldest.receivedTimeMs
    const isPassed = this.#newestChangeTimeMs > oldest.exchangeTimeMs + PASSED_MS
    return waitedMs > PATIENCE_MS || (isPassed && waitedMs > WITHIN_MS) ? oldest : undefined
  }

  /** For a checkpoint. */
  state(): QuoteWatchState {
    const newest = this.#seen.at(-1)?.receivedTimeMs ?? 0
    const seen = this.#seen.filter(({ receivedTimeMs }) => newest - receivedTimeMs <= WITHIN_MS)
    return {
      seen: seen.map((one) => ({ ...one })),
      expected: [...this.#expected],
      newestChangeTimeMs: this.#newestChangeTimeMs,
    }
  }

  restore({ seen, expected, newestChangeTimeMs }: QuoteWatchState): void {
    this.#seen = seen
    this.#expected = expected
    this.#newestChangeTimeMs = newestChangeTimeMs
  }

  clear(): void {
    this.#seen = []
    this.#expected = []
    this.#newestChangeTimeMs = 0
  }
}
