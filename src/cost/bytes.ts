/**
 * Bytes of a row with its share of the indexes. Of books 102 of heap and 23 to 48 of indexes were measured (ARCHITECTURE.md,
 * Postgres); the other tables together are a small part, and their rows are taken to be 200 bytes.
 */
const BOOK_BYTES = 140
const OTHER_BYTES = 200

/** Of rows in the archive (Parquet, zstd). */
export const COLD_BYTES_A_ROW = 9.2

export const storedBytesOf = (table: string, rows: number): number =>
  rows * (table === 'order_books' ? BOOK_BYTES : OTHER_BYTES)
