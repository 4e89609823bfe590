import type { Book } from '../domain/book.ts'

/** A hash may be over the tick that only the other outcome was told of yet: the book keeps the one with which it is proved. */
export const fitsOtherTick = (book: Book, ticks: string[], isProved: () => boolean): boolean => {
  const { identity } = book
  for (const tickSize of ticks.filter((tick) => tick !== identity.tickSize)) {
    book.identity = { ...identity, tickSize }
    if (isProved()) return true
  }
  book.identity = identity
  return false
}
