import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ElementIdentity, TradePlace } from '../../src/domain/data-page.ts'
import { identifyActivity, identifyTrade } from '../../src/venue/polymarket/data-identity.ts'
import { numberPage, NOTHING_CARRIED, type Carry } from '../../src/feed/trades/numbering.ts'

/** Elements are `<second><key>`; equal ones are neighbours, as the fills of one transaction are. */
const identify = (raw: string): ElementIdentity => ({
  key: raw,
  conditionId: undefined,
  exchangeTimeMs: Number(/\d+/.exec(raw)?.[0]) * 1_000,
})

/** Newest first: a run of equal fills a transaction. */
const list = fc
  .array(fc.record({ second: fc.nat(5), key: fc.constantFrom('a', 'b', 'c'), count: fc.integer({ min: 1, max: 6 }) }))
  .map((runs) => runs.toSorted((left, right) => right.second - left.second || (left.key < right.key ? -1 : 1)))
  .map((runs) => runs.flatMap(({ second, key, count }) => Array.from({ length: count }, () => `${second}${key}`)))

const countsOf = (raws: string[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const raw of raws) counts.set(raw, (counts.get(raw) ?? 0) + 1)
  return counts
}

/** The highest ordinal of each key and one. */
const found = (pages: string[][], place: TradePlace): Map<string, number> => {
  const counts = new Map<string, number>()
  let carry: Carry = NOTHING_CARRIED
  for (const raws of pages) {
    const numbered = numberPage({ raws, place, carry }, identify)
    for (const { key, ordinal } of numbered.elements) counts.set(key, Math.max(counts.get(key) ?? 0, ordinal + 1))
    carry = numbered.carry
  }
  return counts
}

const cut = (raws: string[], size: number, step: number): string[][] =>
  Array.from({ length: Math.ceil(raws.length / step) }, (_, at) => raws.slice(at * step, at * step + size))

test('equal fills are counted whole, wherever a page by cursor ends', () => {
  fc.assert(
    fc.property(list, fc.integer({ min: 1, max: 9 }), (raws, size) => {
      expect(found(cut(raws, size, size), { type: 'v2', cursor: 'x' })).toEqual(countsOf(raws))
    }),
  )
})

test('pages by offset that overlap count no fill twice, and whole runs that fit into the overlap', () => {
  fc.assert(
    fc.property(list, fc.integer({ min: 1, max: 9 }), (raws, step) => {
      const overlap = Math.max(0, ...countsOf(raws).values())
      expect(found(cut(raws, step + overlap, step), { type: 'v1', offset: 0 })).toEqual(countsOf(raws))
    }),
  )
})

const ordinalsOf = (raws: string[], identifyRaw: (raw: string) => ElementIdentity): number[] =>
  numberPage({ raws, place: { type: 'v2', cursor: undefined }, carry: NOTHING_CARRIED }, identifyRaw).elements.map(
    ({ ordinal }) => ordinal,
  )

test('fills and activities whose numbers are stored as one value are numbered as equal', () => {
  const trade = (price: string) =>
    `{"transactionHash":"0xab","asset":"1","side":"BUY","price":${price},"size":5,"timestamp":1}`
  expect(ordinalsOf(['0.46999985', '0.47000015', '0.47', '0.470', '0.48'].map(trade), identifyTrade)).toEqual([
    0, 1, 2, 3, 0,
  ])
  const split = (size: string) =>
    `{"transactionHash":"0xab","proxyWallet":"0x1","type":"SPLIT","conditionId":"0xdd","size":${size},"usdcSize":1,"timestamp":1}`
  expect(ordinalsOf(['1', '1.0000001', '1e0', '2'].map(split), identifyActivity)).toEqual([0, 1, 2, 0])
})
