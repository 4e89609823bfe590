import { mergeAll, newSlots, WIDTH } from './layout.ts'
import type { Slots } from './metric.ts'

const NOTHING = -1
/** From so many buckets on their sum is remembered: a ring of minutes changes with every sixth boundary only. */
const MANY = 40

type Sum = { from: number; until: number; slots: Slots }

/** The newest buckets of one size, by their number since the epoch. Memory comes with the first one. */
export class Ring {
  readonly size: number
  #slots: Slots | undefined
  #indexes: Float64Array | undefined
  #active: Uint8Array | undefined
  /** The last sum of many buckets, until one changes. */
  #sum: Sum | undefined

  constructor(size: number) {
    this.size = size
  }

  put(index: number, slots: Slots, isActive: boolean): void {
    this.#slots ??= new Float64Array(this.size * WIDTH)
    this.#indexes ??= new Float64Array(this.size).fill(NOTHING)
    this.#active ??= new Uint8Array(this.size)
    this.#sum = undefined
    const place = index % this.size
    this.#indexes[place] = index
    this.#active[place] = isActive ? 1 : 0
    this.#slots.set(slots, place * WIDTH)
  }

  /** A copy of the bucket; undefined where it is gone or never was. */
  at(index: number): Slots | undefined {
    const place = index % this.size
    if (this.#slots === undefined || this.#indexes?.[place] !== index) return undefined
    return this.#slots.slice(place * WIDTH, (place + 1) * WIDTH)
  }

  /** Whether something happened in the bucket, rather than that a book was as it was. */
  isActive(index: number): boolean {
    const place = index % this.size
    return this.#indexes?.[place] === index && this.#active?.[place] === 1
  }

  /** Adds the buckets of [from, until) to `into`, oldest first. */
  fold(into: Slots, from: number, until: number): void {
    if (until - from < MANY) return this.#add(into, from, until)
    if (this.#sum?.from !== from || this.#sum.until !== until) {
      this.#sum = { from, until, slots: newSlots() }
      this.#add(this.#sum.slots, from, until)
    }
    mergeAll(into, this.#sum.slots)
  }

  #add(into: Slots, from: number, until: number): void {
    if (this.#slots === undefined || this.#indexes === undefined) return
    for (let index = from; index < until; index++) {
      const place = index % this.size
      if (this.#indexes[place] === index) mergeAll(into, this.#slots, place * WIDTH)
    }
  }
}
