import type { ClientBase } from 'pg'
import type { Copy } from './copy.ts'
import type { SealedDays } from './recorded-days.ts'
import { copyAll } from './script.ts'

/** Columns of `order_books` in the order of the normalizer's COPY lines. */
const BOOK_COLUMNS = 'id, captured_at, source_ts, source_received_at, price, size, market_id, outcome_id, side, kind'

const ROWS_PER_EVENT = 65_536

/** Of the event that a row belongs to, by its id. */
export const sequenceOf = (id: number): number => Math.floor(id / ROWS_PER_EVENT)

const NONE: SealedDays = new Set()

const dayOf = (line: string): string => line.split('\t', 2)[1]?.slice(0, 10) ?? ''

/** Table of rows with an instant: another one where its day takes no more rows. */
export const tableOfInstant = (captured: string, sealed: SealedDays): 'order_books' | 'order_books_later' =>
  sealed.has(captured.slice(0, 10)) ? 'order_books_later' : 'order_books'

/** Of a day that takes no more rows. */
const isLater = (line: string, sealed: SealedDays): boolean => sealed.has(dayOf(line))

export const countLater = (lines: string[], sealed: SealedDays): number =>
  sealed.size === 0 ? 0 : lines.filter((line) => isLater(line, sealed)).length

/** Of text lines into `order_books`; those of sealed days into `order_books_later`. */
export const bookCopies = (lines: string[], sealed = NONE): Copy[] => {
  const later = sealed.size === 0 ? [] : lines.filter((line) => isLater(line, sealed))
  const now = later.length === 0 ? lines : lines.filter((line) => !isLater(line, sealed))
  return [
    { target: `order_books (${BOOK_COLUMNS})`, lines: now },
    { target: `order_books_later (${BOOK_COLUMNS})`, lines: later },
  ]
}

export const copyBookRows = (client: ClientBase, lines: string[], sealed = NONE): Promise<void> =>
  copyAll(client, bookCopies(lines, sealed))
