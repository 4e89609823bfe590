import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseMarketMessage, parseRestBook } from '../../src/venue/polymarket/mapper.ts'

const head = { market: '0xab', asset_id: '77', timestamp: '1790766966313' }
const change = { asset_id: '77', price: '0.46', size: '918.34', side: 'BUY', hash: 'c8', best_bid: '0.5', best_ask: '' }
const messages = {
  book: { ...head, event_type: 'book', hash: 'e3', bids: [{ price: '0.01', size: '92790' }], asks: [] },
  price_change: { market: '0xab', timestamp: head.timestamp, event_type: 'price_change', price_changes: [change] },
  last_trade_price: { ...head, event_type: 'last_trade_price', price: '0.51', size: '20', side: 'SELL' },
  tick_size_change: { ...head, event_type: 'tick_size_change', old_tick_size: '0.01', new_tick_size: '0.001' },
  best_bid_ask: { ...head, event_type: 'best_bid_ask', best_bid: '0.4', best_ask: '0.5', spread: '0.1' },
  new_market: {
    ...head,
    event_type: 'new_market',
    id: '9',
    slug: 'a',
    question: 'b?',
    assets_ids: ['1', '2'],
    outcomes: ['Yes', 'No'],
  },
  market_resolved: { ...head, event_type: 'market_resolved', id: '9', winning_asset_id: '1' },
}

const parse = (message: unknown) => parseMarketMessage(JSON.stringify(message))
const eventOf = (message: unknown) => {
  const parsed = parse(message)
  if (parsed.type !== 'event') throw new Error(`expected an event, came ${parsed.type}: ${parsed.detail}`)
  return parsed.event
}

test('a book keeps its texts, and fields that were not sent stay absent', () => {
  expect(eventOf(messages.book)).toMatchObject({
    type: 'book',
    token: '77',
    exchangeTimeMs: 1_790_766_966_313,
    timestamp: '1790766966313',
    levels: { bids: [{ price: 10_000, size: 92_790_000_000, priceText: '0.01', sizeText: '92790' }], asks: [] },
    tickSize: undefined,
    lastTradePrice: undefined,
  })
})

test('levels of size 0 in a book are not levels', () => {
  const bids = [{ price: '0.1', size: '0' }, { price: '0.2', size: '1' }] // prettier-ignore
  expect(eventOf({ ...messages.book, bids })).toMatchObject({ levels: { bids: [{ priceText: '0.2' }] } })
})

test('buys and sells are read where bids and asks are called so', () => {
  const { bids, asks, ...rest } = messages.book
  expect(eventOf({ ...rest, buys: bids, sells: asks })).toMatchObject({ levels: { bids: [{ priceText: '0.01' }] } })
})

test('a change is a bid for BUY and an ask for sell, whatever the case', () => {
  const price_changes = [change, { ...change, side: 'sell', size: '0' }]
  expect(eventOf({ ...messages.price_change, price_changes })).toMatchObject({
    type: 'price_change',
    changes: [{ side: 'bid' }, { side: 'ask', level: { size: 0, sizeText: '0' } }],
  })
})

test('a trade without a transaction hash, or with an empty one, has none', () => {
  expect(eventOf(messages.last_trade_price)).toMatchObject({ takerSide: 'sell', transactionHash: undefined })
  const empty = { ...messages.last_trade_price, transaction_hash: '' }
  expect(eventOf(empty)).toMatchObject({ transactionHash: undefined })
})

test('ticks, best prices, new and resolved markets are told as such', () => {
  expect(eventOf(messages.tick_size_change)).toMatchObject({ type: 'tick_size_change', newTickSize: '0.001' })
  expect(eventOf(messages.best_bid_ask)).toMatchObject({ type: 'best_bid_ask', bestBid: '0.4' })
  expect(eventOf(messages.market_resolved)).toMatchObject({ type: 'market_resolved', marketId: '9' })
  expect(eventOf(messages.new_market)).toMatchObject({
    type: 'new_market',
    marketId: '9',
    announced: { slug: 'a', question: 'b?', tickSize: undefined, feeBps: undefined, eventSlug: undefined, tags: [] },
  })
})

test('an announcement says where the market belongs and what it costs, though it does not trade yet', () => {
  const more = {
    active: false,
    order_price_min_tick_size: '0.001',
    event_message: { id: '5', slug: 'the-event', title: '' },
    tags: ['stocks', 'x'.repeat(101)],
    fees_enabled: true,
    fee_schedule: { exponent: '1', rate: '0.07', taker_only: true },
    taker_base_fee: '1000',
  }
  expect(eventOf({ ...messages.new_market, ...more })).toMatchObject({
    announced: { tickSize: '0.001', feeBps: 700, eventSlug: 'the-event', tags: ['stocks'] },
  })
  const empty = { fee_schedule: { rate: '' }, taker_base_fee: '', event_message: { slug: '' }, tags: null }
  expect(eventOf({ ...messages.new_market, ...empty })).toMatchObject({
    announced: { feeBps: undefined, eventSlug: undefined, tags: [] },
  })
})

test('a book of REST needs no event type', () => {
  const { event_type: _, ...book } = messages.book
  expect(parseRestBook(JSON.stringify(book)).type).toBe('event')
})

test.each(['PONG', 'INVALID OPERATION', '', '{"event_type":"book"', 'null', '7', '[]', '{}', '{"event_type":null}'])(
  'text that may have been an update breaks the book: %s',
  (text) => expect(parseMarketMessage(text)).toMatchObject({ type: 'rejected', breaksBook: true }),
)

test('every truncation of a message is rejected', () => {
  const whole = JSON.stringify(messages.price_change)
  for (let end = 0; end < whole.length; end++) {
    expect(parseMarketMessage(whole.slice(0, end)).type).toBe('rejected')
  }
})

test('an event type that is not known is told, not rejected: it breaks no book', () => {
  expect(parse({ event_type: 'candle' })).toEqual({ type: 'unknown', detail: 'event type "candle"' })
})

const absurd = ['-1', '1.01', '1e-3', 'NaN', '', '0.1234567', '\0', '9'.repeat(30)]
test.each(absurd)('a price of %j is rejected and breaks the book', (price) => {
  const price_changes = [change, { ...change, price }]
  expect(parse({ ...messages.price_change, price_changes })).toMatchObject({ type: 'rejected', breaksBook: true })
  expect(parse({ ...messages.book, asks: [{ price, size: '1' }] })).toMatchObject({ breaksBook: true })
  expect(parse({ ...messages.last_trade_price, price })).toMatchObject({ type: 'rejected', breaksBook: false })
})

test.each(['', '-1', 'x', '1e12', '1790766966.5', '9999999999999999'])(
  'a time of %j is no number of milliseconds and is rejected',
  (timestamp) => expect(parse({ ...messages.price_change, timestamp })).toMatchObject({ type: 'rejected' }),
)

test.each([
  ['last_trade_price', { transaction_hash: '\0' }],
  ['last_trade_price', { transaction_hash: 'f'.repeat(129) }],
  ['tick_size_change', { new_tick_size: '1e999' }],
] as const)('a %s with %j cannot be stored or used: it is rejected and breaks no book', (type, fields) =>
  expect(parse({ ...messages[type], ...fields })).toMatchObject({ type: 'rejected', breaksBook: false }),
)

test('a side of more levels than there are ids for rows is rejected and breaks the book', () => {
  const bids = Array.from({ length: 16_001 }, () => ({ price: '0.1', size: '1' }))
  expect(parse({ ...messages.book, bids })).toMatchObject({ type: 'rejected', breaksBook: true })
})

const types = fc.constantFrom(...Object.values(messages))
/** A valid message with one field, at the top or in a change, replaced by anything. */
const damaged = fc.tuple(types, fc.nat(), fc.jsonValue(), fc.boolean()).map(([message, at, value, isDeep]) => {
  const keys = Object.keys(message)
  const key = keys[at % keys.length] ?? ''
  return isDeep ? { ...message, price_changes: [{ ...change, [key]: value }] } : { ...message, [key]: value }
})

test('anything at all becomes a value, never an exception', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), damaged.map((value) => JSON.stringify(value))) // prettier-ignore
  fc.assert(
    fc.property(text, (given) => {
      expect(['event', 'unknown', 'rejected']).toContain(parseMarketMessage(given).type)
      expect(['event', 'rejected']).toContain(parseRestBook(given).type)
    }),
    { numRuns: 500 },
  )
  expect(parseMarketMessage('['.repeat(200_000)).type).toBe('rejected')
})
