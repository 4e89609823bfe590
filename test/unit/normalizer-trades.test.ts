import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StreamEntry } from '../../src/domain/frame.ts'
import { newBatch, type FillRow } from '../../src/normalizer/batch.ts'
import { fillKey } from '../../src/normalizer/fill-key.ts'
import { applyAll, newTape, restored, storedCheckpoints, TOKENS } from '../support/normalizer-tape.ts'
import { countFills, tradeKey, tradeText, type TradeShape } from '../support/trades.ts'

const START_MS = 1_790_000_000_000

const shape: fc.Arbitrary<TradeShape> = fc.record({
  price: fc.constantFrom('0.5', '0.50'),
  size: fc.constantFrom('20', '1'),
  side: fc.constant('BUY'),
  hash: fc.constantFrom('0xaa', undefined),
  timeMs: fc.constantFrom(START_MS, START_MS + 1),
})
/** What one of three connections delivers; `isAgain`: its last entry comes a second time. */
const delivery = fc.record({
  connection: fc.nat(2),
  shapes: fc.array(shape, { minLength: 1, maxLength: 3 }),
  isAgain: fc.boolean(),
})
type Delivery = { connection: number; shapes: TradeShape[]; isAgain: boolean }

const epochOf = (connection: number) => `${START_MS + connection}-00000000`

const toEntries = (deliveries: Delivery[]): StreamEntry[] => {
  const ordinals = [1, 1, 1]
  return deliveries.flatMap(({ connection, shapes, isAgain }) => {
    const firstOrdinal = ordinals[connection] ?? 1
    ordinals[connection] = firstOrdinal + shapes.length
    const frames = shapes.map((one) => ({
      kind: 'websocket' as const,
      receivedTimeMs: START_MS + 100,
      sourceReceivedTimeMs: undefined,
      text: tradeText(TOKENS[0], one),
    }))
    const entry = { stream: 'orderbook:9', id: '1-0', epoch: epochOf(connection), firstOrdinal, frames }
    return isAgain ? [entry, entry] : [entry]
  })
}

/** As Postgres keeps them: each key once. */
const count = (fills: FillRow[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const [, fill] of new Map(fills.map((fill) => [fillKey(fill), fill]))) {
    const { priceText: price, sizeText: size, side, transactionHash: hash, exchangeTimeMs: timeMs } = fill
    const key = tradeKey({ price, size, side, hash, timeMs })
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

test('of overlapping connections the maximum of each fill is kept, replayed entries and restarts add none', () => {
  const given = fc.tuple(fc.array(delivery, { maxLength: 12 }), fc.nat(24))
  fc.assert(
    fc.property(given, ([deliveries, at]) => {
      const entries = toEntries(deliveries)
      const before = newTape()
      const batch = applyAll(before, entries.slice(0, at))
      const after = restored(storedCheckpoints(before))
      applyAll(after, entries.slice(at), batch)
      const expected = countFills(
        deliveries.flatMap(({ connection, shapes }) =>
          shapes.map((one) => ({ shape: one, epoch: epochOf(connection) })),
        ),
      )
      expect(count(batch.fills)).toEqual(expected)
    }),
  )
})

test('a replay of the whole stream from the last checkpoint numbers every fill as before', () => {
  fc.assert(
    fc.property(fc.array(delivery, { maxLength: 12 }), fc.nat(24), (deliveries, at) => {
      const entries = toEntries(deliveries)
      const straight = applyAll(newTape(), entries)
      const before = newTape()
      const first = applyAll(before, entries.slice(0, at))
      const stored = storedCheckpoints(before)
      for (let round = 0; round < 2; round++) {
        const rest = applyAll(restored(stored), entries.slice(at), newBatch())
        expect([...first.fills, ...rest.fills].map(fillKey)).toEqual(straight.fills.map(fillKey))
      }
    }),
  )
})
