import { createHash } from 'node:crypto'

/** A bitmap of `bitCount` bits in which each key sets `hashCount`. */
export type BloomShape = { bitCount: number; hashCount: number }

/**
 * The smallest bitmap in which a key that was not added looks as if it were in at most `falsePositives` of the cases
 * while no more than `capacity` keys are in it: m = -n ln p / (ln 2)², k = m / n ln 2.
 */
export const toShape = ({ capacity, falsePositives }: { capacity: number; falsePositives: number }): BloomShape => {
  const bitsPerKey = -Math.log(falsePositives) / Math.LN2 ** 2
  return { bitCount: Math.ceil(capacity * bitsPerKey), hashCount: Math.round(bitsPerKey * Math.LN2) }
}

const HALF_BYTES = 6

/** Bits of a key: two halves of one digest, the second taken again and again (Kirsch and Mitzenmacher 2006). */
export const toPositions = (key: string, { bitCount, hashCount }: BloomShape): number[] => {
  const digest = createHash('sha1').update(key).digest()
  const start = digest.readUIntBE(0, HALF_BYTES)
  const step = digest.readUIntBE(HALF_BYTES, HALF_BYTES)
  // 48 bits times at most 30 are exact in a double.
  return Array.from({ length: hashCount }, (_, index) => (start + index * step) % bitCount)
}
