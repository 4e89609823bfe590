import type { Book } from '../domain/book.ts'

/** The mid of the best prices, rounded down to a millionth; undefined where a side is empty. */
export const midOf = (book: Book): number | undefined => {
  const bid = book.bids.best()
  const ask = book.asks.best()
  return bid === undefined || ask === undefined ? undefined : Math.floor((bid.price + ask.price) / 2)
}
