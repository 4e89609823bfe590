import { parseArgs } from 'node:util'
import { measureBookAt } from './scenarios/book-at.ts'
import { timedTable } from './support/table.ts'

/**
 * How long `book_at` takes as a client sees it (one connection, round trip and planning included), at random instants of
 * a recorded day: 200 markets (400 outcomes), 50 rows/s in all (4.32 M rows), 40 levels a book, the first checkpoint of
 * each hour (what is left of past hours), partitions of 30 days before and 7 after.
 */
const { values } = parseArgs({
  options: {
    markets: { type: 'string', default: '200' },
    rate: { type: 'string', default: '50' },
    calls: { type: 'string', default: '5000' },
    /** Market n gets traffic in proportion to 1 / n^skew; 0 = all alike. */
    skew: { type: 'string', default: '0' },
    'no-checkpoints': { type: 'boolean', default: false },
  },
})

const options = {
  markets: Number(values.markets),
  rate: Number(values.rate),
  calls: Number(values.calls),
  skew: Number(values.skew),
  hasCheckpoints: !values['no-checkpoints'],
}
await timedTable('book-at', `outcomes by traffic (skew ${values.skew}), instants anywhere in the day`, () =>
  measureBookAt(options, console.log),
)
