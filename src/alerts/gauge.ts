import { Heap } from '../lib/heap.ts'
import type { Instant, Journal, Watched } from './rule.ts'

const readyTimeMs = ({ lastFiredTimeMs, row }: Watched): number =>
  lastFiredTimeMs === undefined ? -Infinity : lastFiredTimeMs + row.cooldownMs

/**
 * Rules that compare one value with thresholds of their own. Those that can fire are sorted by level, those that wait to be
 * false again by theirs, and those whose condition holds while their cooldown runs by its end: a value that changes
 * nothing costs three comparisons, however many rules there are.
 */
export class Gauge {
  readonly #armed = new Heap<Watched>((left, right) => left.level - right.level)
  readonly #fired = new Heap<Watched>((left, right) => right.rearmLevel - left.rearmLevel)
  readonly #cooling = new Heap<Watched>((left, right) => readyTimeMs(left) - readyTimeMs(right))

  add(watched: Watched): void {
    if (watched.state === 'fired') this.#fired.push(watched)
    else this.#armed.push(watched)
  }

  remove(watched: Watched): void {
    for (const heap of [this.#armed, this.#fired, this.#cooling]) heap.remove(watched)
  }

  /** When the first cooldown ends of a rule whose condition held; infinite where there is none. */
  get readyTimeMs(): number {
    const next = this.#cooling.peek()
    return next === undefined ? Infinity : readyTimeMs(next)
  }

  /** All values up to it are one to `isDue`. */
  get lowest(): number {
    return Math.min(this.#armed.peek()?.level ?? Infinity, this.#fired.peek()?.rearmLevel ?? Infinity)
  }

  isDue(value: number, atTimeMs: number): boolean {
    const armed = this.#armed.peek()
    if (armed !== undefined && armed.level < value) return true
    const fired = this.#fired.peek()
    if (fired !== undefined && fired.rearmLevel >= value) return true
    const cooling = this.#cooling.peek()
    return cooling !== undefined && readyTimeMs(cooling) <= atTimeMs
  }

  /** `shown`: the value as it is told, which may be negated or signed. */
  look(value: number, shown: number, at: Instant, journal: Journal): void {
    this.#rearm(value, at, journal)
    for (let next = this.#cooling.peek(); next !== undefined; next = this.#cooling.peek()) {
      if (readyTimeMs(next) > at.capturedTimeMs) break
      this.#cooling.pop()
      this.#armed.push(next)
    }
    for (let next = this.#armed.peek(); next !== undefined && next.level < value; next = this.#armed.peek()) {
      this.#armed.pop()
      if (readyTimeMs(next) > at.capturedTimeMs) this.#cooling.push(next)
      else {
        journal.fire(next, shown, at)
        this.#fired.push(next)
      }
    }
  }

  #rearm(value: number, at: Instant, journal: Journal): void {
    for (let next = this.#fired.peek(); next !== undefined && next.rearmLevel >= value; next = this.#fired.peek()) {
      this.#fired.pop()
      journal.rearm(next, at)
      this.#armed.push(next)
    }
  }
}
