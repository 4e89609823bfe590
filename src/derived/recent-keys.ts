/** Copies come with another connection, within seconds; two minutes where they waited for a Redis that was away. */
export const REMEMBERED_MS = 300_000
const MOST_KEYS = 1_024

/** Keys that were met in the last minutes, by receive times and never by a clock; bounded. */
export class RecentKeys {
  /** In the order in which they were met. */
  readonly #timesMs = new Map<string, number>()

  /** True where the key is met for the first time. */
  meet(key: string, timeMs: number): boolean {
    if (this.#timesMs.has(key)) return false
    this.#timesMs.set(key, timeMs)
    for (const [oldest, metTimeMs] of this.#timesMs) {
      if (this.#timesMs.size <= MOST_KEYS && metTimeMs >= timeMs - REMEMBERED_MS) break
      this.#timesMs.delete(oldest)
    }
    return true
  }
}
