import type { Book } from './book.ts'
import type { BookSide, Level } from './book-side.ts'
import { MILLION } from './decimal.ts'

const isMirroredLevel = (level: Level, other: Level | undefined): boolean =>
  other !== undefined && other.price === MILLION - level.price && other.size === level.size

const isMirroredSide = (side: BookSide, other: BookSide): boolean => {
  const levels = side.top(0)
  const others = other.top(0)
  return levels.length === others.length && levels.every((level, index) => isMirroredLevel(level, others[index]))
}

/** Whether two outcomes' books are one book seen from both sides: a bid at p is an ask at 1 - p of the other. */
export const isMirror = (left: Book, right: Book): boolean =>
  isMirroredSide(left.bids, right.asks) && isMirroredSide(left.asks, right.bids)
