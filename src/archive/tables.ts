type ColumnType = 'text' | 'bigint' | 'instant' | 'price' | 'size'

/** `isComputed`: Postgres makes it of others, and takes none. */
export type ArchivedColumn = { name: string; type: ColumnType; isComputed?: true }

/** What the archive must know of a table that is partitioned by UTC day: a further table is a further value. */
export type ArchivedTable = {
  name: string
  /** In the order in which they stand in the object. */
  columns: readonly ArchivedColumn[]
  /** Column by which a row belongs to a day. */
  instant: string
  /** Unique over the table; the object is sorted by it, so that statistics of row groups let a reader skip. */
  order: readonly string[]
  /** Table with the rows of sealed days that came later: the same columns and `part`. */
  later: string
}

export const ORDER_BOOKS: ArchivedTable = {
  name: 'order_books',
  columns: [
    { name: 'outcome_id', type: 'text' },
    { name: 'captured_at', type: 'instant' },
    { name: 'id', type: 'bigint' },
    { name: 'sequence', type: 'bigint', isComputed: true },
    { name: 'market_id', type: 'text' },
    { name: 'side', type: 'text' },
    { name: 'kind', type: 'text' },
    { name: 'price', type: 'price' },
    { name: 'size', type: 'size' },
    { name: 'source_ts', type: 'instant' },
    { name: 'source_received_at', type: 'instant' },
    { name: 'source', type: 'text' },
  ],
  instant: 'captured_at',
  order: ['outcome_id', 'captured_at', 'id'],
  later: 'order_books_later',
}

export const ARCHIVED_TABLES: readonly ArchivedTable[] = [ORDER_BOOKS]

/** As DuckDB and Parquet have them. Instants are microseconds in UTC. */
export const PARQUET_TYPES: Readonly<Record<ColumnType, string>> = {
  text: 'VARCHAR',
  bigint: 'BIGINT',
  instant: 'TIMESTAMPTZ',
  price: 'DECIMAL(18,6)',
  size: 'DECIMAL(24,6)',
}

/** As `format_type` of Postgres says them. */
const POSTGRES_TYPES: Readonly<Record<ColumnType, string>> = {
  text: 'text',
  bigint: 'bigint',
  instant: 'timestamp with time zone',
  price: 'numeric(18,6)',
  size: 'numeric(24,6)',
}

/** All columns that the table in Postgres may have which holds the rows of a part: another would not be archived. */
export const postgresColumns = ({ columns }: ArchivedTable, part: number): { name: string; type: string }[] => {
  const own = columns.map(({ name, type }) => ({ name, type: POSTGRES_TYPES[type] }))
  return part === 0 ? own : [...own, { name: 'part', type: 'smallint' }]
}

/** Hive-style, so that DuckDB, Polars and Spark find table and day in the path. */
export const objectKey = (table: string, day: string, part: number): string =>
  `table=${table}/date=${day}/part-${part}.parquet`
