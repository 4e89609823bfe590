import { expect, test } from 'vitest'
import { Book } from '../../src/domain/book.ts'
import { QuoteWatch } from '../../src/normalizer/quote-watch.ts'

const MILLION = 1_000_000
const START_MS = 1_790_000_000_000
const level = (cents: number) => ({
  price: (cents * MILLION) / 100,
  size: MILLION,
  priceText: `0.${cents}`,
  sizeText: '1',
})

/** A book at 40 / 60, watched from then on. */
const watched = () => {
  const book = new Book({ conditionId: '0x1', token: '1', minOrderSize: '5', tickSize: '0.01', negRisk: false, version: undefined }) // prettier-ignore
  book.replace({ bids: [level(40)], asks: [level(60)] })
  const watch = new QuoteWatch()
  watch.note(book, START_MS, START_MS)
  const expectQuote = (bid: number, ask: number): void =>
    watch.expect(book, {
      bid: level(bid).price,
      ask: level(ask).price,
      exchangeTimeMs: START_MS + 5,
      receivedTimeMs: START_MS + 5,
      sinceTimeMs: undefined,
      lastGoodSequence: undefined,
    })
  const change = (side: 'bid' | 'ask', cents: number): void => {
    book.apply({ side, level: level(cents) })
    watch.note(book, START_MS + 6, START_MS + 6)
  }
  return { watch, expectQuote, change }
}

const LATE_MS = START_MS + 5_000

test.each([
  ['bid', 41, 60],
  ['ask', 40, 59],
] as const)('a quote that comes before its change is met by it, though only the %s moved', (side, bid, ask) => {
  const { watch, expectQuote, change } = watched()
  expectQuote(bid, ask)
  change(side, side === 'bid' ? bid : ask)
  expect(watch.overdue(LATE_MS)).toBeUndefined()
})

test.each([
  ['bid', 40, 59],
  ['ask', 41, 60],
] as const)('a change of the %s alone does not meet a quote that differs on the other side', (side, bid, ask) => {
  const { watch, expectQuote, change } = watched()
  expectQuote(bid, ask)
  change(side, side === 'bid' ? 41 : 59)
  expect(watch.overdue(LATE_MS)).toMatchObject({ bid: level(bid).price, ask: level(ask).price })
})
