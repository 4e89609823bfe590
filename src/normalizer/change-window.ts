import type { LevelChange } from '../domain/book.ts'
import type { PriceChange } from '../domain/event.ts'

/** A message's time, as number and as the venue's text, which the hashes cover. */
export type MessageTime = { exchangeTimeMs: number; timestamp: string }

export type TimedChange = { change: PriceChange; time: MessageTime }

/** A gap lasts seconds; a token seldom has more than 100 changes a second. */
const HELD_LIMIT = 10_000

/**
 * The newest changes of one book, for two uses: those held while there is no book are applied onto the snapshot that
 * comes (REST may be older than what the socket sent meanwhile), and those newer than a late post-trade book are kept.
 * Bounded: when it overflows, `isBeyond` tells that a snapshot of that time is too old to build on.
 */
export class ChangeWindow {
  #changes: TimedChange[] = []
  /** Venue time of the newest held change that had to be dropped. */
  droppedTimeMs = 0

  hold(change: PriceChange, time: MessageTime): void {
    this.#changes.push({ change, time })
    if (this.#changes.length <= HELD_LIMIT) return
    const dropped = this.#changes.splice(0, HELD_LIMIT / 2)
    this.droppedTimeMs = Math.max(this.droppedTimeMs, ...dropped.slice(-1).map(({ time }) => time.exchangeTimeMs))
  }

  remember(change: PriceChange, time: MessageTime, untilTimeMs: number): void {
    let expired = 0
    while ((this.#changes[expired]?.time.exchangeTimeMs ?? untilTimeMs) < untilTimeMs) expired += 1
    // At once: what stays for a second is copied by every collection meanwhile, and then is garbage of the old ones.
    if (expired === 1) this.#changes.shift()
    else if (expired > 1) this.#changes = this.#changes.slice(expired)
    this.#changes.push({ change, time })
  }

  /** Nothing was held or dropped. */
  get isEmpty(): boolean {
    return this.#changes.length === 0 && this.droppedTimeMs === 0
  }

  isBeyond(exchangeTimeMs: number): boolean {
    return exchangeTimeMs < this.droppedTimeMs
  }

  /** Changes that are newer than a venue time, in order. */
  after(exchangeTimeMs: number): LevelChange[] {
    return this.#changes.filter(({ time }) => time.exchangeTimeMs > exchangeTimeMs).map(({ change }) => change)
  }

  /** All changes that are kept, in order. */
  all(): readonly TimedChange[] {
    return this.#changes
  }

  restore(changes: TimedChange[], droppedTimeMs: number): void {
    this.#changes = changes
    this.droppedTimeMs = droppedTimeMs
  }

  take(): TimedChange[] {
    const taken = this.#changes
    this.clear()
    return taken
  }

  /** Frames may be missing among the held changes: none is used, and no snapshot that is older than they are. */
  forget(): void {
    const newestTimeMs = this.#changes.reduce((newest, held) => Math.max(newest, held.time.exchangeTimeMs), 0)
    this.droppedTimeMs = Math.max(this.droppedTimeMs, newestTimeMs)
    this.#changes = []
  }

  clear(): void {
    this.#changes = []
    this.droppedTimeMs = 0
  }
}
