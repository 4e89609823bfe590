import type { ClientBase } from 'pg'

/** A column, with its type in DuckDB. */
export type Column = { name: string; type: string }

const COLUMNS = `
select a.attname as name, format_type(a.atttypid, a.atttypmod) as type
from pg_attribute a where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped order by a.attnum`

const TYPES: ReadonlyMap<string, string> = new Map([
  ['bigint', 'BIGINT'],
  ['integer', 'INTEGER'],
  ['smallint', 'SMALLINT'],
  ['boolean', 'BOOLEAN'],
  ['date', 'DATE'],
  ['interval', 'INTERVAL'],
  ['jsonb', 'JSON'],
  ['timestamp with time zone', 'TIMESTAMPTZ'],
  // Without a stated scale: the only one is that of derived_metrics, whose least place is that of a float near 0.01.
  ['numeric', 'DECIMAL(38,18)'],
])

/** What has no type of its own stays the text that Postgres writes. */
const duckTypeOf = (type: string): string =>
  TYPES.get(type) ?? (type.startsWith('numeric(') ? type.replace('numeric', 'DECIMAL') : 'VARCHAR')

/** Columns as the catalogue has them, so that a query sees each new one. */
export const readColumns = async (client: ClientBase, table: string): Promise<Column[]> => {
  const { rows } = await client.query<Column>(COLUMNS, [table])
  return rows.map(({ name, type }) => ({ name, type: duckTypeOf(type) }))
}

export const listOf = (columns: Column[]): string => columns.map(({ name }) => `"${name}"`).join(', ')
