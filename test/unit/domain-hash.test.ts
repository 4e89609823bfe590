import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Book } from '../../src/domain/book.ts'
import { bookHash, type HashEra } from '../../src/domain/book-hash.ts'
import { toMillionths } from '../../src/domain/decimal.ts'
import { findLastTradePrice, MOST_HASHES, toLastTradePrice } from '../../src/domain/last-trade-price.ts'

type WireLevel = { price: string; size: string }
type Preimage = {
  market: string
  asset_id: string
  timestamp: string
  bids: WireLevel[]
  asks: WireLevel[]
  min_order_size?: string
  tick_size?: string
  neg_risk?: boolean
  last_trade_price?: string
  version?: 'v2'
}
type Vector = { source: string; era: string; preimage: string; sha1: string }

const toLevel = ({ price, size }: WireLevel) => ({
  price: toMillionths(price) ?? Number.NaN,
  size: toMillionths(size) ?? Number.NaN,
  priceText: price,
  sizeText: size,
})

/** Levels are handed over best first, unlike the wire: the book has to bring them into the hash's order. */
const inputOf = (given: Preimage) => {
  const book = new Book({
    conditionId: given.market,
    token: given.asset_id,
    minOrderSize: given.min_order_size ?? '',
    tickSize: given.tick_size ?? '',
    negRisk: given.neg_risk ?? false,
    version: given.version,
  })
  book.replace({ bids: given.bids.map(toLevel).toReversed(), asks: given.asks.map(toLevel).toReversed() })
  return book.hashInput(given.timestamp, given.last_trade_price ?? '')
}

const eraOf = ({ tick_size, last_trade_price }: Preimage): HashEra => {
  if (tick_size === undefined) return 6
  return last_trade_price === undefined ? 9 : 10
}

const V2_PREIMAGE =
  '{"market":"0x017791f201d5a788e0039e511fc1900e5f000000000000000000000000000000",' +
  '"asset_id":"663574927012476832975694178961957910328055987427402067619466963999000625152",' +
  '"timestamp":"1791238858575","hash":"","bids":[],"asks":[],"min_order_size":"5","tick_size":"0.01",' +
  '"neg_risk":false,"last_trade_price":"","version":"v2"}'

test('an empty V2 book hashes to the value that the venue sent for it', () => {
  expect(bookHash(inputOf(JSON.parse(V2_PREIMAGE) as Preimage))).toBe('fc3846cab0c35a0977b6e5f605a4e5ff0d0b2277')
})

const someBook = (tick: string): Preimage => ({
  market: '0x01',
  asset_id: '7',
  timestamp: '1790000000000',
  bids: [{ price: '0.4', size: '10' }],
  asks: [{ price: '0.6', size: '1.5' }],
  min_order_size: '5',
  tick_size: tick,
  neg_risk: true,
})

test.each(['', '0.000', '0.007', '0.490', '1.000'])('the search finds the last trade price "%s"', (price) => {
  const input = inputOf(someBook('0.01'))
  const sha1 = bookHash({ ...input, lastTradePrice: price })
  const found = findLastTradePrice(input, sha1, { likely: [], reach: 'three_decimals' })
  expect(found.lastTradePrice).toBe(price)
  const told = findLastTradePrice(input, sha1, { likely: ['0.123', price], reach: 'three_decimals' })
  expect(told).toEqual({ lastTradePrice: price, hashCount: 2 })
})

test('prices of four decimals are searched where they may occur, and no others are found', () => {
  const input = inputOf({ ...someBook('0.0001'), version: 'v2' })
  const sha1 = bookHash({ ...input, lastTradePrice: '0.4905' })
  expect(findLastTradePrice(input, sha1, { likely: [], reach: 'four_decimals' }).lastTradePrice).toBe('0.4905')
  expect(findLastTradePrice(input, sha1, { likely: [], reach: 'three_decimals' }).lastTradePrice).toBeUndefined()
  const lost = { ...input, bids: '' }
  const none = findLastTradePrice(lost, sha1, { likely: [], reach: 'four_decimals' })
  expect(none).toEqual({ lastTradePrice: undefined, hashCount: MOST_HASHES })
})

test('a price is written with three decimals, and with four where it needs them', () => {
  expect([490_000, 1_000_000, 0, 490_500].map(toLastTradePrice)).toEqual(['0.490', '1.000', '0.000', '0.4905'])
})

const captures = process.env['POLYTAPE_CAPTURES']
if (captures === undefined) console.warn('skipped: POLYTAPE_CAPTURES is not set, so no recorded hash is recomputed')

const vectors = (): { given: Preimage; vector: Vector }[] => {
  const all = JSON.parse(readFileSync(join(captures ?? '', 'hash-vectors.json'), 'utf8')) as Vector[]
  return all.map((vector) => ({ vector, given: JSON.parse(vector.preimage) as Preimage }))
}

test.skipIf(captures === undefined)('every recorded book, of all eras, hashes to what the venue sent', () => {
  expect(vectors().length).toBeGreaterThan(30)
  for (const { given, vector } of vectors()) {
    expect(bookHash(inputOf(given), eraOf(given)), vector.source).toBe(vector.sha1)
  }
})

test.skipIf(captures === undefined)('the search finds the last trade price of every recorded book that has one', () => {
  const priced = vectors().filter(({ given }) => eraOf(given) === 10)
  expect(priced.length).toBeGreaterThan(20)
  for (const { given, vector } of priced) {
    const found = findLastTradePrice(inputOf(given), vector.sha1, { likely: [], reach: 'four_decimals' })
    expect(found.lastTradePrice, vector.source).toBe(given.last_trade_price)
  }
})
