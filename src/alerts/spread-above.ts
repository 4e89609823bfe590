import type { Book } from '../domain/book.ts'
import { levelMeter } from './level-meter.ts'
import { PRICES, type Condition } from './rule.ts'

const spreadOf = (book: Book): number | undefined => {
  const bid = book.bids.best()
  const ask = book.asks.best()
  return bid === undefined || ask === undefined ? undefined : ask.price - bid.price
}

/** The best ask is above the best bid by more than the threshold. */
export const spreadAbove: Condition = {
  threshold: PRICES,
  takes: [],
  toWatch: ({ threshold }) => ({
    type: 'book',
    key: 'spread above',
    level: threshold,
    openMeter: () => levelMeter(spreadOf, 1),
  }),
}
