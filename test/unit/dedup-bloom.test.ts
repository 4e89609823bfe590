import { expect, test } from 'vitest'
import { toPositions, toShape } from '../../src/dedup/bloom.ts'
import { KINDS } from '../../src/dedup/kinds.ts'

test('a filter filled to its capacity errs no more often than it says', () => {
  const capacity = 20_000
  const falsePositives = 1e-3
  const shape = toShape({ capacity, falsePositives })
  const bits = new Set<number>()
  for (let at = 0; at < capacity; at++) for (const bit of toPositions(`in ${at}`, shape)) bits.add(bit)
  const isIn = (key: string) => toPositions(key, shape).every((bit) => bits.has(bit))
  expect(Array.from({ length: capacity }, (_, at) => isIn(`in ${at}`)).every(Boolean)).toBe(true)
  const errors = Array.from({ length: 100_000 }, (_, at) => isIn(`out ${at}`)).filter(Boolean).length
  // Expected 100, with a standard deviation of 10.
  expect(errors).toBeLessThan(150)
})

test.each(Object.entries(KINDS))(
  'the bits of %s lie within a bitmap of bounded size, and are the same each time',
  (_, { shape }) => {
    expect(shape.bitCount / 8).toBeLessThan(3_000_000)
    expect(shape.hashCount).toBeLessThanOrEqual(30)
    for (const key of ['', 'a', '😀', 'x'.repeat(10_000)]) {
      const positions = toPositions(key, shape)
      expect(positions).toHaveLength(shape.hashCount)
      expect(positions.every((bit) => Number.isSafeInteger(bit) && bit >= 0 && bit < shape.bitCount)).toBe(true)
      expect(toPositions(key, shape)).toEqual(positions)
    }
  },
)
