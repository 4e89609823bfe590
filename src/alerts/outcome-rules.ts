import type { Book } from '../domain/book.ts'
import type { Instant, Journal, Meter, Watch, Watched } from './rule.ts'

type BookWatch = Extract<Watch, { type: 'book' }>

/** The rules of one outcome's book. A state that is not proved yet is `open`: it is looked at once it is. */
export class OutcomeRules {
  readonly #meters = new Map<string, { meter: Meter; count: number }>()
  /** When the state that was not looked at yet came to be. */
  #open: Instant | undefined
  #newestTimeMs = 0

  get open(): Instant | undefined {
    return this.#open
  }

  add(watch: BookWatch, watched: Watched): void {
    const found = this.#meters.get(watch.key) ?? { meter: watch.openMeter(), count: 0 }
    this.#meters.set(watch.key, found)
    found.count += 1
    found.meter.add(watched)
  }

  remove(watch: BookWatch, watched: Watched): void {
    const found = this.#meters.get(watch.key)
    if (found === undefined) return
    found.meter.remove(watched)
    found.count -= 1
    if (found.count === 0) this.#meters.delete(watch.key)
  }

  /** The book changed. */
  note(at: Instant): void {
    if (this.#meters.size > 0) this.#open = at
  }

  /** The book is not known any more: rules stay as they are, and nothing is remembered across it. */
  lose(): void {
    this.#open = undefined
    for (const { meter } of this.#meters.values()) meter.lose()
  }

  /** Whether a rule would change its state in the open state of the book. One that nobody needs is not open any more. */
  isDue(book: Book): boolean {
    if (this.#open === undefined) return false
    const { capturedTimeMs } = this.#open
    let isNeeded = false
    for (const { meter } of this.#meters.values()) {
      if (meter.isDue(book, capturedTimeMs)) return true
      isNeeded ||= meter.isCumulative
    }
    if (!isNeeded) this.#open = undefined
    return false
  }

  /** The open state is proved. */
  settleOpen(book: Book, journal: Journal): void {
    if (this.#open !== undefined) this.settle(book, this.#open, journal)
    this.#open = undefined
  }

  /** Cooldowns end and windows move on while the book stands. Time never goes back: two clocks meet here. */
  settle(book: Book, { capturedTimeMs, exchangeTimeMs }: Instant, journal: Journal): void {
    this.#newestTimeMs = Math.max(this.#newestTimeMs, capturedTimeMs)
    const at = { capturedTimeMs: this.#newestTimeMs, exchangeTimeMs }
    for (const { meter } of this.#meters.values()) meter.settle(book, at, journal)
  }
}
