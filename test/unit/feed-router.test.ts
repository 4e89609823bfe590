import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MARKETS_STREAM, UNROUTABLE_STREAM } from '../../src/domain/keys.ts'
import { createRouter } from '../../src/feed/router.ts'
import { splitArray } from '../../src/lib/json-elements.ts'

test('split elements of any JSON array parse to the same values, and are slices of the text', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, 2), (values, indent) => {
      const text = JSON.stringify(values, undefined, indent)
      const elements = splitArray(`${text}\n`)
      expect(elements?.map((element) => JSON.parse(element))).toEqual(JSON.parse(text))
      for (const element of elements ?? []) expect(text).toContain(element)
    }),
  )
})

test('a truncated array is not split', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { minLength: 1 }), fc.nat(), (values, cut) => {
      const text = JSON.stringify(values)
      const part = text.slice(0, cut % text.length)
      const elements = splitArray(part)
      if (elements === undefined) return
      // A cut may end in a bracket that closes an inner array: then the depth does not come out.
      expect(() => JSON.parse(part)).not.toThrow()
    }),
  )
})

test('strings with brackets, quotes and backslashes do not mislead the splitter', () => {
  const values = [{ a: '],[{"' }, '\\"', '\\', ['[', { b: '}\\\\' }]]
  expect(splitArray(JSON.stringify(values))?.map((element) => JSON.parse(element))).toEqual(values)
})

const market = { marketId: '7', conditionId: '0xabc', tokens: ['11', '22'] }
const routed = (element: string): string => {
  const router = createRouter()
  router.add(market)
  return router.route(element)
}

test('a frame goes to its market by condition id, else by token, whatever the spacing and the order of keys', () => {
  expect(routed('{"market":"0xabc","asset_id":"99","event_type":"book"}')).toBe('orderbook:7')
  expect(routed('{ "event_type" : "tick_size_change", "asset_id" : "22" }')).toBe('orderbook:7')
  expect(routed('{"m\\u0061rket":"0xabc"}')).toBe('orderbook:7')
})

test('broadcasts go to markets, also for a market that is recorded', () => {
  expect(routed('{"market":"0xabc","event_type":"market_resolved"}')).toBe(MARKETS_STREAM)
  expect(routed('{"id":"1","event_type":"new_market","market":"0xdef"}')).toBe(MARKETS_STREAM)
})

test('a key within a string is not a key', () => {
  const text = JSON.stringify({ market: '0xdef', question: '"market":"0xabc"', event_type: 'book' })
  expect(routed(text)).toBe(UNROUTABLE_STREAM)
})

test('routing never throws, and always names a stream', () => {
  const streams = ['orderbook:7', MARKETS_STREAM, UNROUTABLE_STREAM]
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(streams).toContain(routed(text))
    }),
  )
})
