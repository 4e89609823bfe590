import type { Book } from '../domain/book.ts'
import { findLastTradePrice, type SearchReach } from '../domain/last-trade-price.ts'
import type { Stats } from '../lib/stats.ts'
import type { LastTradePrices } from './last-trade-prices.ts'

/** What the venue says that the book hashes to. `timestamp` is its text of epoch ms. */
export type Claim = { timestamp: string; hash: string }

/**
 * `verified`: the book hashes to it. `mismatch`: it does not, with whatever last trade price. `shed`: not judged,
 * since the shard lags or has searched enough for this second.
 */
export type Verdict = 'verified' | 'mismatch' | 'shed'

type Search = { prices: LastTradePrices; near: number[]; reach: SearchReach }

type JudgeDeps = {
  stats: Stats
  now: () => number
  /** A shard that lags further than this sheds checks before data. */
  shedLagMs: number
  /** Hashes a second that searches for last trade prices may cost. */
  searchHashesPerSecond: number
}

/** Ticks below this may bring last trade prices of four decimals. */
const FINE_TICK = 0.001

/** Compares books with hashes, within what a second allows. One a shard. */
export class Judge {
  /** How old the newest frame was when it was read: set by whoever reads. */
  lagMs = 0
  /** Time spent on hashes since the start: what verification costs of the shard's CPU. */
  spentMs = 0
  readonly #deps: JudgeDeps
  #allowance: number
  #allowedTimeMs = 0
  #mode: 'limited' | 'patient' | 'blind' = 'limited'

  constructor(deps: JudgeDeps) {
    this.#deps = deps
    this.#allowance = deps.searchHashesPerSecond
  }

  /** Runs without limits: a rebuild must come to the same verdicts as the run that it repeats. */
  patiently(run: () => void): void {
    this.#inMode('patient', run)
  }

  /** Runs without verdicts: as the run that is repeated did while it shed its checks. */
  blindly(run: () => void): void {
    this.#inMode('blind', run)
  }

  get isOverloaded(): boolean {
    return this.#mode === 'blind' || (this.#mode === 'limited' && this.lagMs > this.#deps.shedLagMs)
  }

  /** One hash, with the last trade price that is known. */
  isProved(book: Book, { timestamp, hash }: Claim, prices: LastTradePrices): boolean {
    const { known } = prices
    if (known === undefined) return false
    const startMs = performance.now()
    const isProved = book.hash(timestamp, known) === hash
    this.spentMs += performance.now() - startMs
    return isProved
  }

  /** Judges a book, searching for its last trade price where the known one does not fit; `near` prices are tried first. */
  judge(book: Book, claim: Claim, { prices, near }: { prices: LastTradePrices; near: number[] }): Verdict {
    if (this.isProved(book, claim, prices)) return 'verified'
    if (!this.#maySearch()) return 'shed'
    const isFine = Number(book.identity.tickSize) < FINE_TICK
    const reach = isFine ? 'four_decimals' : 'three_decimals'
    this.#deps.stats.count('hashSearches')
    return this.#search(book, claim, { prices, near, reach }) ? 'verified' : 'mismatch'
  }

  /** Some ten hashes, with the prices that are likely. A mismatch says nothing: the batch may go on. */
  judgeLikely(book: Book, claim: Claim, { prices, near }: { prices: LastTradePrices; near: number[] }): Verdict {
    if (this.isProved(book, claim, prices)) return 'verified'
    if (!this.#maySearch()) return 'shed'
    return this.#search(book, claim, { prices, near, reach: 'likely' }) ? 'verified' : 'mismatch'
  }

  /** True where a price was found, which is learned. */
  #search(book: Book, claim: Claim, { prices, near, reach }: Search): boolean {
    const { bid, ask } = book.best()
    const best = [bid, ask].flatMap((level) => (level === undefined ? [] : [level.price]))
    const likely = prices.likely([...near, ...best])
    const input = book.hashInput(claim.timestamp, '')
    const { lastTradePrice, hashCount } = this.#measure(() => findLastTradePrice(input, claim.hash, { likely, reach }))
    if (this.#mode === 'limited') this.#allowance -= hashCount
    if (lastTradePrice !== undefined) prices.learn(lastTradePrice)
    return lastTradePrice !== undefined
  }

  #inMode(mode: 'patient' | 'blind', run: () => void): void {
    this.#mode = mode
    try {
      run()
    } finally {
      this.#mode = 'limited'
    }
  }

  #measure<T>(run: () => T): T {
    const startMs = performance.now()
    const result = run()
    this.spentMs += performance.now() - startMs
    return result
  }

  #maySearch(): boolean {
    const { now, searchHashesPerSecond } = this.#deps
    const nowMs = now()
    const earned = ((nowMs - this.#allowedTimeMs) / 1_000) * searchHashesPerSecond
    this.#allowance = Math.min(searchHashesPerSecond, this.#allowance + earned)
    this.#allowedTimeMs = nowMs
    return this.#mode === 'patient' || this.#allowance > 0
  }
}
