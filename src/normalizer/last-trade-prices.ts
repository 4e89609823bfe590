import { MILLION } from '../domain/decimal.ts'
import { toLastTradePrice } from '../domain/last-trade-price.ts'

const KEPT = 8

/**
 * Last trade prices that a market's hashes may contain, likeliest first. The value is the market's, the same for both
 * outcomes, and stands in the hash before it is told; a trade may be told at p or at 1 - p.
 */
export class LastTradePrices {
  #likely: string[] = []
  /** Rises where other prices became likely: a hash that fitted none may fit now. */
  version = 0

  /** The newest value that is known to be right; undefined before the first. */
  get known(): string | undefined {
    return this.#likely[0]
  }

  /** Proved by a hash, or told by a whole book. */
  learn(text: string): void {
    if (this.#likely[0] === text) return
    this.version += 1
    this.#likely = [text, ...this.#likely.filter((kept) => kept !== text)].slice(0, KEPT)
  }

  /** A trade was told: one of these may be in the hashes to come, or already was. */
  suspect(price: number): void {
    this.version += 1
    const [known, ...rest] = this.#likely
    const told = [toLastTradePrice(price), toLastTradePrice(MILLION - price)].filter((text) => text !== known)
    const older = rest.filter((text) => !told.includes(text))
    this.#likely = [known ?? '', ...told, ...older].slice(0, KEPT)
  }

  /** Candidates for a hash: what is known, then these prices (millionths) and their complements. */
  likely(prices: readonly number[]): string[] {
    const near = prices.flatMap((price) => [toLastTradePrice(price), toLastTradePrice(MILLION - price)])
    return [...new Set([...this.#likely, ...near])]
  }
}
