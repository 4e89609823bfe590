import { hash } from 'node:crypto'
import { Book } from '../src/domain/book.ts'
import { findLastTradePrice } from '../src/domain/last-trade-price.ts'
import { fromMillionths } from '../src/domain/decimal.ts'

/** What a proof costs: the hash of a book of 120 levels after a change, SHA-1 of the same text alone, and a full search. */
const LEVELS_A_SIDE = 60
const ROUNDS = 20_000

const levelAt = (price: number, size: number) => ({
  price,
  size: size * 10_000,
  priceText: fromMillionths(price),
  sizeText: fromMillionths(size * 10_000),
})

const book = new Book({
  conditionId: `0x${'2a'.repeat(32)}`,
  token: '58726851105893121441976415044785550794620582864839872973127370351200548678811',
  minOrderSize: '5',
  tickSize: '0.001',
  negRisk: false,
  version: undefined,
})
const sizes = Array.from({ length: LEVELS_A_SIDE }, (_, at) => at)
book.replace({
  bids: sizes.map((at) => levelAt(400_000 - at * 1_000, 91_834 + at)),
  asks: sizes.map((at) => levelAt(401_000 + at * 1_000, 91_834 + at)),
})

const measure = (name: string, rounds: number, run: (round: number) => void): void => {
  for (let round = 0; round < rounds / 10; round++) run(round)
  const startMs = performance.now()
  for (let round = 0; round < rounds; round++) run(round)
  console.log(`${name.padEnd(46)}${(((performance.now() - startMs) / rounds) * 1_000).toFixed(1).padStart(9)} µs`)
}

const timestamp = '1790766966313'
const change = (round: number): void =>
  void book.apply({ side: 'bid', level: levelAt(400_000 - (round % LEVELS_A_SIDE) * 1_000, 10_000 + round) })
const text = JSON.stringify(book.hashInput(timestamp, '0.490'))

console.log(`${2 * LEVELS_A_SIDE} levels, ${text.length} characters`)
measure('SHA-1 of a ready text of that length', ROUNDS, () => void hash('sha1', text))
measure('change of a level', ROUNDS, change)
measure('change of a level and hash of the book', ROUNDS, (round) => {
  change(round)
  book.hash(timestamp, '0.490')
})
const input = book.hashInput(timestamp, '')
measure('search of all prices of three decimals', 20, () => {
  findLastTradePrice(input, 'none', { likely: [], isFine: false })
})
