import { holdAll, newSlots } from './layout.ts'
import type { BookState, Slots } from './metric.ts'
import { Ring } from './ring.ts'
import { LEVELS, RING_SIZES, STEPS, stepMs, windowStartMs, TEN_MS, type StepLevel, type Window } from './windows.ts'

export type ClosedBucket = { level: StepLevel; index: number; slots: Slots }

/** A bucket that was restored; `opening`: the book at its start, undefined: as at the start of the next. */
export type RestoredBucket = { slots: Slots; opening: BookState | undefined }

const held = (state: BookState, ms: number): Slots => {
  const slots = newSlots()
  holdAll(slots, state, ms)
  return slots
}

/**
 * The closed buckets of a market: tens of seconds for the last five minutes, minutes for the last hour, quarters of an hour
 * for the last day. A bigger bucket is the sum of its smaller ones, and a window the sum of the biggest that fit.
 */
export class History {
  readonly #rings = RING_SIZES.map((size) => new Ring(size))

  ring(level: StepLevel): Ring {
    const ring = this.#rings[level]
    if (ring === undefined) throw new Error(`no ring of level ${level}`)
    return ring
  }

  /** Adds a bucket of ten seconds, and those that end with it. Returns the ones in which something happened. */
  record(ten: number, slots: Slots, isActive: boolean): ClosedBucket[] {
    this.ring(0).put(ten, slots, isActive)
    const closed: ClosedBucket[] = isActive ? [{ level: 0, index: ten, slots }] : []
    for (const level of [1, 2] as const) {
      const bucket = this.#close(level, ten + 1)
      if (bucket !== undefined) closed.push(bucket)
    }
    return closed
  }

  /**
   * Adds the buckets [from, until), in which the book was as it was: of each size as many as can still be asked for.
   * Returns the larger ones that began before and in which something happened.
   */
  quiet(from: number, until: number, state: BookState): ClosedBucket[] {
    const closed: ClosedBucket[] = []
    const { tens } = STEPS[2]
    const oldest = Math.floor(until / tens) * tens - this.ring(2).size * tens
    let ten = Math.max(from, oldest)
    while (ten < until) {
      const level = this.#skip(ten, until)
      const next = ten + STEPS[level].tens
      if (level === 0) closed.push(...this.record(ten, held(state, TEN_MS), false))
      else this.ring(level).put(ten / STEPS[level].tens, held(state, stepMs(level)), false)
      const quarter = level === 1 ? this.#close(2, next) : undefined
      if (quarter !== undefined) closed.push(quarter)
      ten = next
    }
    return closed
  }

  /** Adds numbers to closed buckets, of which the ten seconds `ten` are part; returns those that are still there. */
  addLate(ten: number, open: number, add: (slots: Slots) => void): ClosedBucket[] {
    return LEVELS.flatMap((level) => {
      const { tens } = STEPS[level]
      const index = Math.floor(ten / tens)
      const ring = this.ring(level)
      if (index >= Math.floor(open / tens) || index < Math.floor(open / tens) - ring.size + 1) return []
      const slots = ring.at(index) ?? newSlots()
      add(slots)
      ring.put(index, slots, true)
      return [{ level, index, slots }]
    })
  }

  /** What was kept of a level, the newest bucket before `open` (in tens) last; the quiet ones between were not kept. */
  restore(level: StepLevel, open: number, opening: BookState, kept: ReadonlyMap<number, RestoredBucket>): void {
    const newest = Math.floor(open / STEPS[level].tens) - 1
    let state = opening
    for (let index = newest; index > newest - this.ring(level).size; index--) {
      const bucket = kept.get(index)
      this.ring(level).put(index, bucket?.slots ?? held(state, stepMs(level)), bucket !== undefined)
      state = bucket?.opening ?? state
    }
  }

  /** All that is in a window that ends with the ten seconds before `end`. */
  fold(window: Window, end: number): Slots {
    const total = newSlots()
    let from = windowStartMs(window, end * TEN_MS) / TEN_MS
    for (const level of LEVELS.slice(0, window.level + 1).toReversed()) {
      const { tens } = STEPS[level]
      const until = Math.floor(end / tens) * tens
      this.ring(level).fold(total, from / tens, until / tens)
      from = until
    }
    return total
  }

  /** The largest step from here on within which no smaller bucket will be asked for. */
  #skip(ten: number, until: number): StepLevel {
    const minutes = this.ring(0).size + STEPS[1].tens
    const quarters = minutes + (this.ring(1).size + STEPS[2].tens) * STEPS[1].tens
    if (ten % STEPS[2].tens === 0 && until - ten > quarters + STEPS[2].tens) return 2
    return ten % STEPS[1].tens === 0 && until - ten > minutes + STEPS[1].tens ? 1 : 0
  }

  /** Where a bucket of a level ends at `end` (in tens): the sum of its parts. */
  #close(level: 1 | 2, end: number): ClosedBucket | undefined {
    const { tens } = STEPS[level]
    if (end % tens !== 0) return undefined
    const below = level === 1 ? 0 : 1
    const index = end / tens - 1
    const from = (end - tens) / STEPS[below].tens
    const until = end / STEPS[below].tens
    const slots = newSlots()
    this.ring(below).fold(slots, from, until)
    let isActive = false
    for (let part = from; part < until; part++) isActive ||= this.ring(below).isActive(part)
    this.ring(level).put(index, slots, isActive)
    return isActive ? { level, index, slots } : undefined
  }
}
