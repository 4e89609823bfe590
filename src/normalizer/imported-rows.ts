import { Book, type BookLevels, type LevelChange } from '../domain/book.ts'
import type { TimeSpan } from '../domain/span.ts'
import type { RowKind, RowLevel } from './book-row.ts'
import { createImportedLines, type ImportedTimes } from './imported-lines.ts'
import { createSpanWalk, type FilledSpan } from './span-walk.ts'

/** What another recorder saw of one outcome, in its order. */
export type ImportedEvent = ImportedTimes &
  ({ type: 'book'; levels: BookLevels } | { type: 'changes'; changes: LevelChange[] })

export type ImportedOutcome = {
  marketId: string
  outcomeId: string
  source: string
  /** Where rows may be written, in order and apart; what the source saw elsewhere only moves the book on. */
  spans: TimeSpan[]
  /** The book before the first event, where an earlier import left one. */
  book: BookLevels | undefined
  /** What other imports have filled in the hours of the spans. */
  earlier: FilledSpan[]
}

/** A rebuild applies no more changes than these, and those of a book. */
const CHANGES_PER_SNAPSHOT = 2_000
/** Half of the rows that an event may have: a book may replace all levels of another. The venue's have at most 20,000. */
const MOST_LEVELS = 32_768
const EMPTY: RowLevel = { side: 'bid', priceText: '0', sizeText: '0' }
/** A book of rows has no identity: nothing of it is hashed. */
const NOBODY = { conditionId: '', token: '', minOrderSize: '', tickSize: '', negRisk: false, version: undefined }

const levelsOf = (book: Book): RowLevel[] => {
  const { bids, asks } = book.top(0)
  const levels: RowLevel[] = [
    ...bids.map((level) => ({ ...level, side: 'bid' as const })),
    ...asks.map((level) => ({ ...level, side: 'ask' as const })),
  ]
  return levels.length === 0 ? [EMPTY] : levels
}

const isTooLarge = ({ bids, asks }: Book): boolean => bids.count + asks.count > MOST_LEVELS

const applied = (book: Book, changes: LevelChange[]): RowLevel[] =>
  changes.flatMap((change) => (book.apply(change) ? [{ side: change.side, ...change.level }] : []))

type Walk = ReturnType<typeof createSpanWalk>
type Lines = ReturnType<typeof createImportedLines>

/** Writes to the open span, if there is one, and repeats the book where a rebuild would apply too much. */
const createWrite = (walk: Walk, lines: Lines, book: Book) => {
  let changesSince = 0
  const write = (kind: RowKind, levels: RowLevel[], times: ImportedTimes): void => {
    const span = walk.open()
    if (span === undefined || levels.length === 0) return
    lines.write(kind, levels, times)
    span.rows += levels.length
    changesSince = kind === 'snapshot' ? 0 : changesSince + levels.length
    if (changesSince >= CHANGES_PER_SNAPSHOT) write('snapshot', levelsOf(book), times)
  }
  return write
}

/**
 * Turns what another recorder saw into COPY lines of `order_books`, for the spans in which the outcome was not recorded: each
 * begins with a whole book, as the source knew it by then.
 */
export const createImportedRows = (outcome: ImportedOutcome) => {
  const book = new Book(NOBODY)
  const walk = createSpanWalk(outcome.spans)
  const lines = createImportedLines(outcome)
  const write = createWrite(walk, lines, book)
  let isKnown = outcome.book !== undefined
  let exchangeTimeMs: number | undefined
  if (outcome.book !== undefined) book.replace(outcome.book)

  /** What begins until then begins with the book of before. */
  const advance = (timeMs: number): void =>
    walk.advance(timeMs, isKnown, ({ fromTimeMs: capturedTimeMs }) =>
      write('snapshot', levelsOf(book), { capturedTimeMs, exchangeTimeMs, sourceReceivedTimeMs: undefined }),
    )
  const lose = (timeMs: number): void => {
    advance(timeMs)
    walk.lose(timeMs, lines.drop(timeMs))
    isKnown = false
  }
  const follow = (event: ImportedEvent): void => {
    if (event.type === 'book' && !isKnown) {
      book.replace(event.levels)
      isKnown = true
      if (walk.join(event.capturedTimeMs) !== undefined) write('snapshot', levelsOf(book), event)
    } else if (event.type === 'book') write('change', applied(book, book.difference(event.levels)), event)
    else if (isKnown) write('change', applied(book, event.changes), event)
    exchangeTimeMs = event.exchangeTimeMs
  }
  return {
    /** @returns why the book is lost with the event; undefined where it is not. */
    apply: (event: ImportedEvent): string | undefined => {
      advance(event.capturedTimeMs)
      const fits = event.type === 'changes' || event.levels.bids.length + event.levels.asks.length <= MOST_LEVELS
      if (fits) follow(event)
      if (fits && !(isKnown && isTooLarge(book))) return undefined
      lose(event.capturedTimeMs)
      return `a book of more than ${MOST_LEVELS} levels`
    },
    /** Something of the book is missing from then on: nothing is written until the next whole one. */
    lose,
    pending: lines.pending,
    take: lines.take,
    /** All that the source saw was applied: it was there until the end of the last span. */
    end: (): FilledSpan[] => {
      advance(Infinity)
      lines.end()
      return walk.filled()
    },
  }
}
