import { createHash, type Hash } from 'node:crypto'
import { afterLastTradePrice, beforeLastTradePrice, type BookHashInput } from './book-hash.ts'

export type SearchResult = { lastTradePrice: string | undefined; hashCount: number }

const texts = (decimals: number): string[] =>
  Array.from({ length: 10 ** decimals + 1 }, (_, at) => (at / 10 ** decimals).toFixed(decimals))

/** Never traded, then every price in steps of 0.001: the form that the venue sends. */
const THREE_DECIMALS = ['', ...texts(3)]
/** Ticks below 0.001 may bring a fourth decimal. */
const FOUR_DECIMALS = texts(4)
export const MOST_HASHES = THREE_DECIMALS.length + FOUR_DECIMALS.length

export type SearchReach = 'likely' | 'three_decimals' | 'four_decimals'
const FURTHER: Record<SearchReach, readonly string[][]> = {
  likely: [],
  three_decimals: [THREE_DECIMALS],
  four_decimals: [THREE_DECIMALS, FOUR_DECIMALS],
}

/** A price in millionths as the venue writes a last trade price: three decimals, four where it needs them. */
export const toLastTradePrice = (millionths: number): string =>
  (millionths / 1_000_000).toFixed(millionths % 1_000 === 0 ? 3 : 4)

const isIt = (prefix: Hash, tail: string, expected: string): boolean =>
  prefix.copy().update(tail).digest('hex') === expected

/**
 * Finds the `last_trade_price` with which a book hashes to `expected`. The venue's hash contains the price of a trade
 * 39 to 88 ms before it is told, and it is the last field: so the text before it is hashed once, and the state of the
 * SHA-1 is cloned for each candidate. `likely` ones are tried first, then as many as `reach` says: none other, all of
 * three decimals, or all of four too. Undefined: none of them fits; where all were tried, the book or another input is wrong.
 */
export const findLastTradePrice = (
  input: BookHashInput,
  expected: string,
  { likely, reach }: { likely: readonly string[]; reach: SearchReach },
): SearchResult => {
  const prefix = createHash('sha1').update(beforeLastTradePrice(input))
  const tail = afterLastTradePrice(input.version)
  let hashCount = 0
  for (const candidates of [likely, ...FURTHER[reach]]) {
    for (const candidate of candidates) {
      hashCount += 1
      if (isIt(prefix, candidate + tail, expected)) return { lastTradePrice: candidate, hashCount }
    }
  }
  return { lastTradePrice: undefined, hashCount }
}
