/** Seeded and repeatable; never for secrets. */
export type Random = {
  /** 0 ≤ x < 1 */
  next(): number
  /** Whole number, `from` ≤ x ≤ `to`. */
  between(from: number, to: number): number
  chance(probability: number): boolean
  hex(length: number): string
  digits(length: number): string
}

const HEX = '0123456789abcdef'

/** mulberry32: 32 bits of state, fast, and good enough for an order flow. */
export const createRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1))
  const text = (length: number, alphabet: string): string => {
    let result = ''
    for (let at = 0; at < length; at++) result += alphabet[between(0, alphabet.length - 1)] ?? ''
    return result
  }
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    hex: (length) => text(length, HEX),
    digits: (length) => `${between(1, 9)}${text(length - 1, '0123456789')}`,
  }
}

/** A seed of its own for each part, so that one market's flow does not depend on another's. */
export const subSeed = (seed: number, part: number): number =>
  (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(part + 1, 0xc2b2ae35)) >>> 0

const HASH_LENGTH = 64
const TIME_LENGTH = 12

/** A transaction's hash. It begins with the time: a run that starts anew with the same seed makes other transactions. */
export const transactionHashOf = (random: Random, timeMs: number): string =>
  `0x${timeMs.toString(16).padStart(TIME_LENGTH, '0')}${random.hex(HASH_LENGTH).slice(TIME_LENGTH)}`
