import { TOKENS } from './normalizer-tape.ts'
import { createFeedOf, createWireBook } from './wire-book.ts'

/** A market whose outcomes both have their first book at 0. */
export const beginFollowed = () => {
  const feed = createFeedOf()
  const [first, second] = [createWireBook(TOKENS[0]), createWireBook(TOKENS[1])]
  feed.socket(1, first.book(0))
  feed.socket(1, second.book(0))
  const [outcome] = feed.tape.outcomes
  if (outcome === undefined) throw new Error('a market has outcomes')
  return { ...feed, first, second, outcome }
}
