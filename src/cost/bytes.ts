/**
 * Bytes of a row with its share of the indexes, as Postgres 18 stores it: measured on a recording of the emulator
 * (`pg_total_relation_size` over `count(*)`), so an estimate. What is updated in place is not among them.
 */
const BYTES_A_ROW: Readonly<Record<string, number>> = {
  order_books: 150,
}
/** Of a table that is not named. */
const OTHER_BYTES = 200

/** Of rows in the archive (Parquet, zstd). */
export const COLD_BYTES_A_ROW = 9.2

export const storedBytesOf = (table: string, rows: number): number => rows * (BYTES_A_ROW[table] ?? OTHER_BYTES)
