import { hash } from 'node:crypto'
import { Book } from '../../src/domain/book.ts'
import { fromMillionths } from '../../src/domain/decimal.ts'
import { findLastTradePrice } from '../../src/domain/last-trade-price.ts'

export type HashCosts = {
  levels: number
  characters: number
  /** Microseconds each. */
  sha1: number
  change: number
  changeAndHash: number
  search: number
}

const TIMESTAMP = '1790766966313'

const levelAt = (price: number, size: number) => ({
  price,
  size: size * 10_000,
  priceText: fromMillionths(price),
  sizeText: fromMillionths(size * 10_000),
})

const newBook = (levelsASide: number): Book => {
  const book = new Book({
    conditionId: `0x${'2a'.repeat(32)}`,
    token: '58726851105893121441976415044785550794620582864839872973127370351200548678811',
    minOrderSize: '5',
    tickSize: '0.001',
    negRisk: false,
    version: undefined,
  })
  const sizes = Array.from({ length: levelsASide }, (_, at) => at)
  book.replace({
    bids: sizes.map((at) => levelAt(400_000 - at * 1_000, 91_834 + at)),
    asks: sizes.map((at) => levelAt(401_000 + at * 1_000, 91_834 + at)),
  })
  return book
}

const microsOf = (rounds: number, run: (round: number) => void): number => {
  for (let round = 0; round < rounds / 10; round++) run(round)
  const startMs = performance.now()
  for (let round = 0; round < rounds; round++) run(round)
  return ((performance.now() - startMs) / rounds) * 1_000
}

/** What a proof costs: the hash of a book after a change, SHA-1 of the same text alone, and a full search. */
export const measureBookHash = (levelsASide: number, rounds: number): HashCosts => {
  const book = newBook(levelsASide)
  const text = JSON.stringify(book.hashInput(TIMESTAMP, '0.490'))
  const input = book.hashInput(TIMESTAMP, '')
  const change = (round: number): void =>
    void book.apply({ side: 'bid', level: levelAt(400_000 - (round % levelsASide) * 1_000, 10_000 + round) })
  return {
    levels: 2 * levelsASide,
    characters: text.length,
    sha1: microsOf(rounds, () => void hash('sha1', text)),
    change: microsOf(rounds, change),
    changeAndHash: microsOf(rounds, (round) => {
      change(round)
      book.hash(TIMESTAMP, '0.490')
    }),
    search: microsOf(20, () => void findLastTradePrice(input, 'none', { likely: [], reach: 'three_decimals' })),
  }
}
