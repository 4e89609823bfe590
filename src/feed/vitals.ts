/** A venue that has no book of any of its tokens sends nothing: a socket that stays open for so long is one. */
const STAYED_MS = 10_000
/** One every ten seconds: the smallest of a minute had no frames before it. */
const KEPT_ROUND_TRIPS = 6

/**
 * What a connection's place says of itself, across its sockets: a new socket alone is no sign of life, what comes on it
 * is. PONGs are none.
 */
export class Vitals {
  /** Stays while sockets come and go; the lowest that is free. */
  place = 0
  /** When the newest data frame came; of the beginning before the first. */
  tickTimeMs = Date.now()
  #openedTimeMs: number | undefined
  #closedTimeMs = Date.now()
  #owed: ReadonlyMap<string, number> = new Map()
  #roundTripsMs: number[] = []

  opened(): void {
    this.#openedTimeMs = Date.now()
  }

  ended(): void {
    if (this.#isProved()) this.#closedTimeMs = Date.now()
    this.#openedTimeMs = undefined
  }

  answered(roundTripMs: number): void {
    this.#roundTripsMs = [...this.#roundTripsMs, roundTripMs].slice(-KEPT_ROUND_TRIPS)
  }

  /** The smallest of late; infinite before the first. */
  get roundTripMs(): number {
    return Math.min(...this.#roundTripsMs)
  }

  /** Since when there is no socket that stays open or brings something; undefined while there is one. */
  get closedTimeMs(): number | undefined {
    return this.#isProved() ? undefined : this.#closedTimeMs
  }

  /** One that is opened and closed, over and over, is no connection. */
  #isProved(): boolean {
    const openedTimeMs = this.#openedTimeMs
    if (openedTimeMs === undefined) return false
    return this.tickTimeMs >= openedTimeMs || Date.now() - openedTimeMs >= STAYED_MS
  }

  /** Markets of which REST has had something since then that did not come here. */
  get owed(): ReadonlyMap<string, number> {
    return this.#owed
  }

  /** Nothing at all has come since REST moved on. */
  get isSilent(): boolean {
    return Math.max(0, ...this.#owed.values()) > this.tickTimeMs
  }

  /**
   * Takes what REST says now. While nothing comes at all, what was owed before stays so, though a book that REST brought
   * may have ended the evidence of a market meanwhile. Nothing is owed of markets that are not wanted.
   */
  note(behind: ReadonlyMap<string, number>, isWanted: (marketId: string) => boolean): void {
    const kept = this.isSilent ? this.#owed : new Map<string, number>()
    this.#owed = new Map([...behind, ...kept].filter(([marketId]) => isWanted(marketId)))
  }
}
