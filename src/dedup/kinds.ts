import { toShape, type BloomShape } from './bloom.ts'

/** What may arrive by more than one path. */
export type SeenKind = 'fills' | 'broadcasts'

/** `shape` of each generation; a key is remembered for one to two periods. */
export type KindShape = { shape: BloomShape; periodMs: number }

const HOUR_MS = 3_600_000

/**
 * Memory in Redis is at most two generations a kind; above its capacity a filter errs more often, which costs exact
 * look-ups and nothing else.
 *
 * | kind       | keys a period   | errs     | bits a key, hashes | a generation |
 * | ---------- | --------------- | -------- | ------------------ | ------------ |
 * | fills      | 1,000,000 / 6 h | 1 in 10⁴ | 19.2, 13           | 2.4 MB       |
 * | broadcasts | 50,000 / 24 h   | 1 in 10⁶ | 28.8, 20           | 180 KB       |
 *
 * A million fills in six hours are 46 a second; the whole venue has 5 to 20 trades a second.
 */
export const KINDS: Record<SeenKind, KindShape> = {
  fills: { shape: toShape({ capacity: 1_000_000, falsePositives: 1e-4 }), periodMs: 6 * HOUR_MS },
  broadcasts: { shape: toShape({ capacity: 50_000, falsePositives: 1e-6 }), periodMs: 24 * HOUR_MS },
}
