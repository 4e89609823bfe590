import type { Book } from '../domain/book.ts'
import type { BookSide } from '../domain/book-side.ts'
import { levelMeter } from './level-meter.ts'
import { SHARES, type Condition, type Terms } from './rule.ts'

/**
 * Shares of one side at most `within` from its best price, that included; all where it is undefined. Levels are added up
 * until there are `enough`: a book has hundreds, and mostly the first few say that no rule is concerned.
 */
const depthOf = (side: BookSide, within = Infinity, enough: number): number => {
  const best = side.best()
  let sum = 0
  for (let at = 0; sum < enough; at++) {
    const level = side.ranked(at)
    if (best === undefined || level === undefined || Math.abs(level.price - best.price) > within) return sum
    sum += level.size
  }
  return sum
}

const measureOf =
  ({ side, within }: Terms) =>
  (book: Book, enough: number): number => {
    if (side !== undefined) return depthOf(book.side(side), within, enough)
    const bids = depthOf(book.bids, within, enough)
    return Math.min(bids, depthOf(book.asks, within, Math.min(bids, enough)))
  }

/** There are fewer shares on a side than the threshold. An empty side has none: that is known, not missing. */
export const depthBelow: Condition = {
  threshold: { ...SHARES, least: 1 },
  takes: ['side', 'within'],
  toWatch: (terms) => ({
    type: 'book',
    key: `depth ${terms.side ?? 'thinner'} ${terms.within ?? 'all'}`,
    level: -terms.threshold,
    openMeter: () => levelMeter(measureOf(terms), -1, 'sizes'),
  }),
}
