import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createKnown, knownKey } from '../../src/feed/trades/known.ts'

const keyOf = (at: number) => knownKey({ key: `k${at}` }, true)

test('what is known is forgotten by the age of the element, whenever it was read', () => {
  const known = createKnown(100)
  for (let at = 0; at < 150; at++) known.raise(keyOf(at), 1, 1_000 - at)
  expect(known.countOf(keyOf(0))).toBe(1)
  expect(known.countOf(keyOf(50))).toBe(1)
  expect(known.countOf(keyOf(95))).toBe(0)
  known.forgetAll()
  expect(known.countOf(keyOf(0))).toBe(0)
})

test('an element of a market that is not recorded is new once it is', () => {
  const known = createKnown(100)
  known.raise(knownKey({ key: 'one' }, false), 1, 1)
  expect(known.countOf(knownKey({ key: 'one' }, false))).toBe(1)
  expect(known.countOf(knownKey({ key: 'one' }, true))).toBe(0)
})

test('keys that begin alike are told apart', () => {
  const known = createKnown(100)
  const keys = [0, 1, 2].map((at) => Buffer.from([1, 2, 3, 4, at === 1 ? 1 : 0, 0, 0, 0, at === 2 ? 1 : 0, 0, 0, 0]))
  keys.forEach((key, at) => known.raise(key, at + 1, at))
  expect(keys.map((key) => known.countOf(key))).toEqual([1, 2, 3])
})

/** As a map would have it that is cut to the youngest. */
const createPlain = (most: number) => {
  let entries = new Map<number, { count: number; timeMs: number }>()
  return {
    countOf: (at: number): number => entries.get(at)?.count ?? 0,
    raise: (at: number, count: number, timeMs: number): void => {
      if ((entries.get(at)?.count ?? 0) >= count) return
      entries.set(at, { count, timeMs })
      if (entries.size <= most) return
      const youngest = [...entries].toSorted(([, left], [, right]) => right.timeMs - left.timeMs)
      entries = new Map(youngest.slice(0, most - Math.floor(most / 10)))
    },
  }
}

test('whatever is raised in whatever order, it knows what a map would', () => {
  const raises = fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 4 })), { maxLength: 200 })
  fc.assert(
    fc.property(raises, fc.integer({ min: 1, max: 40 }), (given, most) => {
      const [known, plain] = [createKnown(most), createPlain(most)]
      given.forEach(([at, count], index) => {
        // No two of one time: which of them goes first is nobody's concern.
        known.raise(keyOf(at), count, ((index * 7_919) % 1_000) + index / 1_000)
        plain.raise(at, count, ((index * 7_919) % 1_000) + index / 1_000)
      })
      for (let at = 0; at <= 60; at++) expect(known.countOf(keyOf(at))).toBe(plain.countOf(at))
    }),
  )
})
