import type { Instant, Journal, Watched } from './rule.ts'

/** What is remembered of the trades that fired: more than one market has in the time in which copies come. */
const MOST_FILLS = 1_000

/** `cause`: the fill's key, made where it is needed. */
export type Trade = Instant & { size: number; cause: () => string }

/**
 * The rules of one outcome's trades, least threshold first: a trade that is of interest to nobody costs one comparison.
 * Another connection may bring a trade again; it fires once.
 */
export class TradeRules {
  readonly #rules: Watched[] = []
  readonly #fired = new Set<string>()

  add(watched: Watched): void {
    const at = this.#rules.findIndex(({ level }) => level > watched.level)
    this.#rules.splice(at < 0 ? this.#rules.length : at, 0, watched)
  }

  remove(watched: Watched): void {
    const at = this.#rules.indexOf(watched)
    if (at >= 0) this.#rules.splice(at, 1)
  }

  /** A rule fired for this fill already. */
  remember(cause: string): void {
    this.#fired.add(cause)
    const [oldest] = this.#fired
    if (this.#fired.size > MOST_FILLS && oldest !== undefined) this.#fired.delete(oldest)
  }

  look(trade: Trade, journal: Journal): void {
    const [least] = this.#rules
    if (least === undefined || least.level >= trade.size) return
    const cause = trade.cause()
    if (this.#fired.has(cause)) return
    this.remember(cause)
    for (const watched of this.#rules) {
      if (watched.level >= trade.size) return
      const { lastFiredTimeMs = -Infinity, row } = watched
      // Without a cooldown each counts, also one that was received a moment before the last that fired.
      if (row.cooldownMs === 0 || trade.capturedTimeMs >= lastFiredTimeMs + row.cooldownMs) {
        journal.fire(watched, trade.size, trade, cause)
        journal.rearm(watched, trade)
      }
    }
  }
}
