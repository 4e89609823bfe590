import type { MoveProgress, StoodProgress } from '../domain/progress.ts'

type Stood = { value: number; untilTimeMs: number }

/** Values that stand until the next one, newest last; `isBetter`: makes an older one of no use. */
class Extreme {
  readonly #isBetter: (left: number, right: number) => boolean
  #kept: Stood[] = []

  constructor(isBetter: (left: number, right: number) => boolean) {
    this.#isBetter = isBetter
  }

  get value(): number | undefined {
    return this.#kept[0]?.value
  }

  add(stood: Stood): void {
    for (let last = this.#kept.at(-1); last !== undefined; last = this.#kept.at(-1)) {
      if (!this.#isBetter(stood.value, last.value)) break
      this.#kept.pop()
    }
    this.#kept.push(stood)
  }

  /** Drops what stood no longer than until then. */
  expire(timeMs: number): void {
    let count = 0
    for (const { untilTimeMs } of this.#kept) {
      if (untilTimeMs > timeMs) break
      count += 1
    }
    if (count > 0) this.#kept.splice(0, count)
  }

  clear(): void {
    this.#kept = []
  }

  /** Without the one that stands still, which is always the last. */
  progress(most: number): StoodProgress[] {
    return this.#kept
      .slice(0, -1)
      .slice(-most)
      .map(({ value, untilTimeMs }) => [value, untilTimeMs])
  }

  restore(kept: StoodProgress[], present: Stood): void {
    this.#kept = [...kept.map(([value, untilTimeMs]) => ({ value, untilTimeMs })), present]
  }
}

const PERCENT = 100_000_000

/** Millionths of a percent, rounded down: exact, since prices are at most a million. */
const percentOf = (difference: number, base: number): number => {
  if (base === 0) return difference === 0 ? 0 : Number.MAX_SAFE_INTEGER
  const scaled = difference * PERCENT
  return (scaled - (scaled % base)) / base
}

/**
 * How far a value has moved from its lowest or highest within a time, what stood at the beginning of that time included.
 * O(1) amortised; what is kept is at most one entry a distinct value.
 */
export class MoveWindow {
  readonly #windowMs: number
  readonly #lowest = new Extreme((left, right) => left <= right)
  readonly #highest = new Extreme((left, right) => left >= right)
  #present: Stood | undefined

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  /** The newest value; undefined where none is known. */
  get value(): number | undefined {
    return this.#present?.value
  }

  /** Moves the beginning of the window on. */
  advance(timeMs: number): void {
    const sinceTimeMs = timeMs - this.#windowMs
    this.#lowest.expire(sinceTimeMs)
    this.#highest.expire(sinceTimeMs)
  }

  /** From now on the value is this one. */
  push(value: number, timeMs: number): void {
    if (this.#present?.value === value) return
    if (this.#present !== undefined) this.#present.untilTimeMs = timeMs
    this.#present = { value, untilTimeMs: Infinity }
    this.#lowest.add(this.#present)
    this.#highest.add(this.#present)
  }

  /** Percent (millionths) by which the value is above the lowest, or, negative, below the highest: whichever is more. */
  moveTo(value: number): number {
    const up = percentOf(value - Math.min(this.#lowest.value ?? value, value), this.#lowest.value ?? value)
    const down = percentOf(Math.max(this.#highest.value ?? value, value) - value, this.#highest.value ?? value)
    return up >= down ? up : -down
  }

  clear(): void {
    this.#present = undefined
    this.#lowest.clear()
    this.#highest.clear()
  }

  /** `most`: how many values a list has, of the newest. */
  progress(most: number): MoveProgress | undefined {
    if (this.#present === undefined) return undefined
    return { present: this.#present.value, lowest: this.#lowest.progress(most), highest: this.#highest.progress(most) }
  }

  restore({ present, lowest, highest }: MoveProgress): void {
    this.#present = { value: present, untilTimeMs: Infinity }
    this.#lowest.restore(lowest, this.#present)
    this.#highest.restore(highest, this.#present)
  }
}
