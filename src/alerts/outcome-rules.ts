import type { Book } from '../domain/book.ts'
import type { Instant, Journal, Meter, Watch, Watched } from './rule.ts'

type BookWatch = Extract<Watch, { type: 'book' }>

/** The rules of one outcome's book. A state that is not proved yet is `open`: it is looked at once it is. */
export class OutcomeRules {
  readonly #meters = new Map<string, { meter: Meter; count: number }>()
  /** When the state that was not looked at yet came to be. */
  #open: Instant | undefined
  /** Whether a rule would change its state in it, or nobody has asked yet. */
  #isDue = true
  #newestTimeMs = 0
  #isNew = false

  get open(): Instant | undefined {
    return this.#open
  }

  add(watch: BookWatch, watched: Watched): void {
    const found = this.#meters.get(watch.key) ?? { meter: watch.openMeter(), count: 0 }
    this.#meters.set(watch.key, found)
    found.count += 1
    found.meter.add(watched)
    this.#isNew = true
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
    if (this.#meters.size === 0) return
    this.#open = at
    this.#isDue = true
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
    this.#isDue = true
    for (const { meter } of this.#meters.values()) {
      if (meter.isDue(book, capturedTimeMs)) return true
      isNeeded ||= meter.isCumulative
    }
    this.#isDue = false
    if (!isNeeded) this.#open = undefined
    return false
  }

  /** The open state is proved. Where no rule is due in it, only windows need it. */
  settleOpen(book: Book, journal: Journal): void {
    if (this.#open === undefined) return
    const at = this.#timed(this.#open)
    for (const { meter } of this.#meters.values())
      if (this.#isDue || meter.isCumulative) meter.settle(book, at, journal)
    this.#open = undefined
  }

  /** New rules, and ends of cooldowns while the book stands, which is proved. */
  settleByTime(book: Book, at: Instant, journal: Journal): void {
    if (!this.#isNew && this.#readyTimeMs() > at.capturedTimeMs) return
    this.#isNew = false
    const timed = this.#timed(at)
    for (const { meter } of this.#meters.values()) meter.settle(book, timed, journal)
  }

  #readyTimeMs(): number {
    let first = Infinity
    for (const { meter } of this.#meters.values()) first = Math.min(first, meter.readyTimeMs())
    return first
  }

  /** Time never goes back: two clocks meet here. */
  #timed({ capturedTimeMs, exchangeTimeMs }: Instant): Instant {
    this.#newestTimeMs = Math.max(this.#newestTimeMs, capturedTimeMs)
    return { capturedTimeMs: this.#newestTimeMs, exchangeTimeMs }
  }
}
