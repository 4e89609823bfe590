import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TradeOrdinals, type TradeCounts } from '../../src/normalizer/trade-ordinals.ts'
import { tradeEvent, tradeKey, type TradeShape } from '../support/trades.ts'

const shape: fc.Arbitrary<TradeShape> = fc.record({
  price: fc.constantFrom('0.5', '0.50', '0.4'),
  size: fc.constantFrom('20', '20.0', '1'),
  side: fc.constantFrom('BUY', 'SELL'),
  hash: fc.constantFrom('0xaa', '0xbb', undefined),
  timeMs: fc.constantFrom(1_790_000_000_000, 1_790_000_000_001),
})
const arrival = fc.record({ shape, epoch: fc.constantFrom('a', 'b'), waitMs: fc.nat(500) })
const arrivals = fc.array(arrival, { maxLength: 60 })
type Arrival = { shape: TradeShape; epoch: string; waitMs: number }

const number = (ordinals: TradeOrdinals, all: Arrival[], fromMs = 0): number[] => {
  let timeMs = fromMs
  return all.map((one) => {
    timeMs += one.waitMs
    return ordinals.next(tradeEvent(one.shape), one.epoch, timeMs)
  })
}

test('equal trades of one connection are numbered 0, 1, 2 …, whatever comes between them', () => {
  fc.assert(
    fc.property(arrivals, (all) => {
      const counts = new Map<string, number>()
      const expected = all.map((one) => {
        const key = `${one.epoch} ${tradeKey(one.shape)}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
        return (counts.get(key) ?? 0) - 1
      })
      expect(number(new TradeOrdinals(), all)).toEqual(expected)
    }),
  )
})

test('a restart from a checkpoint goes on with the same numbers', () => {
  fc.assert(
    fc.property(arrivals, fc.nat(60), (all, at) => {
      const straight = number(new TradeOrdinals(), all)
      const before = new TradeOrdinals()
      const head = all.slice(0, at)
      const first = number(before, head)
      const after = new TradeOrdinals()
      after.restore(JSON.parse(JSON.stringify(before.snapshot())) as TradeCounts)
      const fromMs = head.reduce((sum, one) => sum + one.waitMs, 0)
      expect([...first, ...number(after, all.slice(at), fromMs)]).toEqual(straight)
      expect(after.snapshot().length).toBeLessThanOrEqual(512)
    }),
  )
})

test('what is remembered is bounded in time and number, and a clock that was wrong for a moment loses no trade', () => {
  const ordinals = new TradeOrdinals()
  const one = { price: '0.5', size: '20', side: 'BUY', hash: '0xaa', timeMs: 1_790_000_000_000 }
  expect(ordinals.next(tradeEvent(one), 'a', 1_000)).toBe(0)
  expect(ordinals.next(tradeEvent(one), 'a', 121_000)).toBe(1)
  expect(ordinals.next(tradeEvent(one), 'a', 3_600_000)).toBe(2)
  expect(ordinals.next(tradeEvent(one), 'a', 2_000)).toBe(3)
  expect(ordinals.next(tradeEvent({ ...one, hash: '0xbb' }), 'a', 200_000)).toBe(0)
  expect(ordinals.snapshot()).toHaveLength(1)
  for (let at = 0; at < 2_000; at++) ordinals.next(tradeEvent({ ...one, hash: `0x${at}` }), 'a', 200_000)
  expect(ordinals.snapshot()).toHaveLength(512)
})
