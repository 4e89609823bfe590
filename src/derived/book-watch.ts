import type { Book, LevelChange } from '../domain/book.ts'
import { readBook, UNKNOWN, WITHIN_1C, WITHIN_5C } from './book-state.ts'
import type { BookState } from './metric.ts'

/** Sums of sums stay exact below it. */
const LARGEST = Number.MAX_SAFE_INTEGER / 4

/**
 * The state of a book, kept by its changes. The levels near the mid are walked over only where the mid has moved: at a tick
 * of 0.001 they are a hundred, most of them out of the processor's caches.
 */
export class BookWatch {
  #state = UNKNOWN
  #depth = 0
  /** What the changes since `#state` add to its depths. */
  #bid1c = 0
  #bid5c = 0
  #ask1c = 0
  #ask5c = 0

  /** Whatever is in the book now, the next reading is of all of it. */
  forget(): void {
    this.#state = UNKNOWN
  }

  /** Before the book takes the changes. */
  before(book: Book, changes: LevelChange[]): void {
    const { mid } = this.#state
    if (mid === 0) return
    for (const { side, level } of changes) {
      const distance = Math.abs(2 * level.price - mid)
      if (distance > WITHIN_5C) continue
      const grown = level.size - (book.side(side).at(level.price)?.size ?? 0)
      const within1c = distance <= WITHIN_1C ? grown : 0
      if (side === 'bid') {
        this.#bid5c += grown
        this.#bid1c += within1c
      } else {
        this.#ask5c += grown
        this.#ask1c += within1c
      }
    }
  }

  /** The state of a known book of which the best `depth` levels a side are kept, 0 = all. */
  read(book: Book, depth: number): BookState {
    // Of a cut book a change lets a level in or out.
    const isWhole = depth === 0 && this.#depth === 0
    this.#state = isWhole && this.#isMidSame(book) && this.#isExact() ? this.#grown() : readBook(book, depth)
    this.#depth = depth
    this.#bid1c = this.#bid5c = this.#ask1c = this.#ask5c = 0
    return this.#state
  }

  #isMidSame(book: Book): boolean {
    const { mid, spread } = this.#state
    const { bid, ask } = book.best()
    if (mid === 0 || bid === undefined || ask === undefined) return false
    return bid.price + ask.price === mid && ask.price - bid.price === spread
  }

  #isExact(): boolean {
    const { bidDepth5c, askDepth5c } = this.#state
    return bidDepth5c + this.#bid5c < LARGEST && askDepth5c + this.#ask5c < LARGEST
  }

  #grown(): BookState {
    const { mid, spread, bidDepth1c, bidDepth5c, askDepth1c, askDepth5c } = this.#state
    return {
      isKnown: true,
      mid,
      spread,
      bidDepth1c: bidDepth1c + this.#bid1c,
      bidDepth5c: bidDepth5c + this.#bid5c,
      askDepth1c: askDepth1c + this.#ask1c,
      askDepth5c: askDepth5c + this.#ask5c,
    }
  }
}
