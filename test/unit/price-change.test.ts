import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { marketMessage } from '../../src/venue/polymarket/messages.ts'
import { isPriceChange } from '../../src/venue/polymarket/price-change.ts'

const text = fc.string({ maxLength: 8 })
/** Mostly right, and sometimes absent or of another type. */
const field = (right: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 12, arbitrary: right }, fc.constant(undefined), fc.constant(null), fc.integer(), text)

const element = fc.record({
  asset_id: field(text),
  price: field(text),
  size: field(text),
  side: field(text),
  hash: field(text),
  best_bid: field(text),
  best_ask: field(text),
})

const message = fc.record({
  event_type: field(fc.constant('price_change')),
  market: field(text),
  timestamp: field(fc.stringMatching(/^\d{1,16}$/)),
  price_changes: field(fc.array(fc.oneof({ weight: 9, arbitrary: element }, fc.constant(null)), { maxLength: 3 })),
})

test('what passes without the schema is what the schema would pass as it is', () => {
  let passed = 0
  fc.assert(
    fc.property(message, (value) => {
      if (!isPriceChange(value)) return
      passed += 1
      expect(marketMessage.parse(value)).toEqual(value)
    }),
    { numRuns: 2_000 },
  )
  expect(passed).toBeGreaterThan(0)
})

test('a whole price_change passes, one that lacks its best prices is left to the schema', () => {
  const whole = { asset_id: '1', price: '0.5', size: '1', side: 'BUY', hash: 'a', best_bid: '0.5', best_ask: '0.6' }
  const { best_bid: _bid, ...lacking } = whole
  const of = (one: object) => ({ event_type: 'price_change', market: '0x1', timestamp: '1', price_changes: [one] })
  expect(isPriceChange(of(whole))).toBe(true)
  expect(isPriceChange(of(lacking))).toBe(false)
  expect(isPriceChange([of(whole)])).toBe(false)
  expect(isPriceChange(null)).toBe(false)
})
