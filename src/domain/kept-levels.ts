import type { Book, BookLevels, LevelChange } from './book.ts'
import type { Level, Side } from './book-side.ts'

const gone = (side: Side, level: Level): LevelChange => ({ side, level: { ...level, size: 0, sizeText: '0' } })

/**
 * Applies a change. Returns what it changes among the best `depth` levels of its side (0 = all): the level itself, and
 * the one that it pushes out or lets in; undefined where it leaves its level as it is.
 */
export const applyKept = (book: Book, change: LevelChange, depth: number): LevelChange[] | undefined => {
  const side = book.side(change.side)
  const countBefore = side.count
  if (!side.set(change.level)) return undefined
  if (depth === 0) return [change]
  if (side.countBetter(change.level.price) >= depth) return []
  const left = side.count > countBefore ? side.ranked(depth) : undefined
  const entered = side.count < countBefore ? side.ranked(depth - 1) : undefined
  if (left !== undefined) return [change, gone(change.side, left)]
  return entered === undefined ? [change] : [change, { side: change.side, level: entered }]
}

const compareSide = (side: Side, before: Level[], after: Level[]): LevelChange[] => {
  const sizes = new Map(before.map((level) => [level.price, level.size]))
  const prices = new Set(after.map((level) => level.price))
  return [
    ...before.filter((level) => !prices.has(level.price)).map((level) => gone(side, level)),
    ...after.filter((level) => sizes.get(level.price) !== level.size).map((level) => ({ side, level })),
  ]
}

/** The changes that turn the levels that were kept into those that are. */
export const compareKept = (before: BookLevels, after: BookLevels): LevelChange[] => [
  ...compareSide('bid', before.bids, after.bids),
  ...compareSide('ask', before.asks, after.asks),
]

/**
 * Makes a book of these levels, of which `changes` is the whole difference, and returns what that changes among the best
 * `depth` a side. Whole, not by its changes: the hash is over the texts, and an equal size may have come in another spelling.
 */
export const replaceKept = (
  book: Book,
  { levels, changes }: { levels: BookLevels; changes: LevelChange[] },
  depth: number,
): LevelChange[] => {
  const before = depth === 0 ? undefined : book.top(depth)
  book.replace(levels)
  return before === undefined ? changes : compareKept(before, book.top(depth))
}
