import { hash } from 'node:crypto'

/** Of an element: the first 96 bits of a digest of what makes it itself. */
export type KnownKey = Buffer

/**
 * How many equal elements are appended already, by key. It survives nothing: after a restart all is found again, and what
 * is appended twice changes nothing.
 */
export type Known = {
  /** 0 for one that was never seen, or is forgotten. */
  countOf(key: KnownKey): number
  /** `timeMs`: the venue's, of the element. */
  raise(key: KnownKey, count: number, timeMs: number): void
  forgetAll(): void
}

/** A market that is not recorded may be later: its elements are noted under another key, and so are new then. */
export const knownKey = ({ key }: { key: string }, isWanted: boolean): KnownKey =>
  hash('sha1', isWanted ? key : `other ${key}`, 'buffer')

const WORDS = 3
const WORD_BYTES = 4

/** Written out: it is asked for with each element of each poll. */
const wordsOf = (key: KnownKey): number[] => [
  key.readUInt32LE(0),
  key.readUInt32LE(WORD_BYTES),
  key.readUInt32LE(2 * WORD_BYTES),
]

/**
 * An open-addressed table of numbers: what it takes it takes from the start, some 30 bytes an element. As objects, elements
 * took 130 each, and made the process grow for the hour in which they came.
 */
class Slots {
  size = 0
  readonly most: number
  readonly #mask: number
  readonly #words: Uint32Array
  /** 0 where nothing is. */
  readonly #counts: Uint32Array
  readonly #timesMs: Float64Array

  /** Where `most` is 200,000, 2^18 of them, of which three quarters are ever used. */
  constructor(most: number) {
    this.most = most
    const slotCount = 2 ** Math.ceil(Math.log2(most * 1.3 + 1))
    this.#mask = slotCount - 1
    this.#words = new Uint32Array(slotCount * WORDS)
    this.#counts = new Uint32Array(slotCount)
    this.#timesMs = new Float64Array(slotCount)
  }

  countAt(slot: number): number {
    return this.#counts[slot] ?? 0
  }

  /** Where a key is, or would be put. */
  find(words: ArrayLike<number>): number {
    let slot = (words[0] ?? 0) & this.#mask
    while (this.countAt(slot) > 0 && !this.#has(slot, words)) slot = (slot + 1) & this.#mask
    return slot
  }

  put(slot: number, words: ArrayLike<number>, count: number, timeMs: number): void {
    if (this.countAt(slot) === 0) this.size += 1
    this.#words.set(words, slot * WORDS)
    this.#counts[slot] = count
    this.#timesMs[slot] = timeMs
  }

  /** Without the oldest of them. */
  youngest(kept: number): Slots {
    const used = [...this.#counts.keys()].filter((slot) => this.countAt(slot) > 0)
    const timeOf = (slot: number): number => this.#timesMs[slot] ?? 0
    const young = new Slots(this.most)
    for (const slot of used.toSorted((left, right) => timeOf(right) - timeOf(left)).slice(0, kept)) {
      const words = this.#words.subarray(slot * WORDS, (slot + 1) * WORDS)
      young.put(young.find(words), words, this.countAt(slot), timeOf(slot))
    }
    return young
  }

  #has(slot: number, words: ArrayLike<number>): boolean {
    for (let at = 0; at < WORDS; at++) if (this.#words[slot * WORDS + at] !== words[at]) return false
    return true
  }
}

/**
 * Forgets beyond `most`, a tenth at a time, and the oldest by the venue's time: a catch-up reads the newest first, which the
 * next poll reads again.
 */
export const createKnown = (most: number): Known => {
  let slots = new Slots(most)
  return {
    countOf: (key) => slots.countAt(slots.find(wordsOf(key))),
    raise: (key, count, timeMs) => {
      const words = wordsOf(key)
      const slot = slots.find(words)
      if (slots.countAt(slot) >= count) return
      slots.put(slot, words, count, timeMs)
      if (slots.size > most) slots = slots.youngest(most - Math.floor(most / 10))
    },
    forgetAll: () => {
      slots = new Slots(most)
    },
  }
}
