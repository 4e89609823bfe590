import type { ClientBase } from 'pg'
import { copyLines } from './copy.ts'

/** Columns of `order_books` in the order of the normalizer's COPY lines. */
const BOOK_COLUMNS =
  'id, sequence, captured_at, source_ts, source_received_at, price, size, market_id, outcome_id, side, kind'

/** COPY of text lines into `order_books`, inside the caller's transaction. */
export const copyBookRows = (client: ClientBase, lines: string[]): Promise<void> =>
  copyLines(client, `order_books (${BOOK_COLUMNS})`, lines)
