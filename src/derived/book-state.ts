import type { Book } from '../domain/book.ts'
import type { BookSide } from '../domain/book-side.ts'
import type { KeptState } from '../domain/metric.ts'
import type { BookState } from './metric.ts'
import { pack, unpack } from './packed.ts'

/** Twice 1 c and 5 c, as distances are of twice the prices. */
export const WITHIN_1C = 20_000
export const WITHIN_5C = 100_000

/** Nothing is known of the book. */
export const UNKNOWN: BookState = {
  isKnown: false,
  mid: 0,
  spread: 0,
  bidDepth1c: 0,
  bidDepth5c: 0,
  askDepth1c: 0,
  askDepth5c: 0,
}

/** Known, but it has no mid: a side is empty, or the prices contradict each other. */
const UNPRICED: BookState = { ...UNKNOWN, isKnown: true }

/** Sizes of the levels within 1 c and 5 c of the mid: those that are walked over, and no more than `most`. */
const depthNear = (side: BookSide, mid: number, most: number): [within1c: number, within5c: number] => {
  let [within1c, within5c] = [0, 0]
  for (let rank = 0; rank < most; rank++) {
    const level = side.ranked(rank)
    if (level === undefined) break
    const distance = Math.abs(2 * level.price - mid)
    if (distance > WITHIN_5C) break
    within5c += level.size
    if (distance <= WITHIN_1C) within1c += level.size
  }
  // Beyond 9 billion shares a sum would not be exact.
  return [Math.min(within1c, Number.MAX_SAFE_INTEGER), Math.min(within5c, Number.MAX_SAFE_INTEGER)]
}

/** The state of a known book of which the best `depth` levels a side are kept, 0 = all. */
export const readBook = (book: Book, depth: number): BookState => {
  const { bid, ask } = book.best()
  if (bid === undefined || ask === undefined || bid.price >= ask.price) return UNPRICED
  const mid = bid.price + ask.price
  const most = depth === 0 ? Infinity : depth
  const [bidDepth1c, bidDepth5c] = depthNear(book.bids, mid, most)
  const [askDepth1c, askDepth5c] = depthNear(book.asks, mid, most)
  return { isKnown: true, mid, spread: ask.price - bid.price, bidDepth1c, bidDepth5c, askDepth1c, askDepth5c }
}

const packState = (state: BookState): KeptState =>
  pack(
    Float64Array.of(
      state.isKnown ? 1 : 0,
      state.mid,
      state.spread,
      state.bidDepth1c,
      state.bidDepth5c,
      state.askDepth1c,
      state.askDepth5c,
    ),
  )

/** States are never changed, and some stay for hours. */
const packedStates = new WeakMap<BookState, KeptState>()

export const stateToKept = (state: BookState): KeptState => {
  const known = packedStates.get(state)
  if (known !== undefined) return known
  const packed = packState(state)
  packedStates.set(state, packed)
  return packed
}

export const stateFromKept = (kept: KeptState): BookState => {
  const [known, mid = 0, spread = 0, bidDepth1c = 0, bidDepth5c = 0, askDepth1c = 0, askDepth5c = 0] = unpack(kept)
  return { isKnown: known === 1, mid, spread, bidDepth1c, bidDepth5c, askDepth1c, askDepth5c }
}
