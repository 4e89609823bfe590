import type { ArchivedColumn, ArchivedTable } from './tables.ts'

/**
 * A row's canonical text: its columns in order, with U+001F between them; an absent value is nothing, a text is `=` and
 * itself (so an empty one is something), an instant is microseconds since 1970, a decimal has its six places. The first 60
 * bits of the text's MD5 are added up over the rows: no order of rows matters, and no two rows that swap a value, miss one or
 * stand twice come out even. Both texts of SQL below make the same number of the same row.
 */
const joined = (columns: readonly ArchivedColumn[], separator: string, valueOf: (column: ArchivedColumn) => string) =>
  `concat(${columns.map(valueOf).join(`, ${separator}, `)})`

/**
 * Microseconds since 1970. `date_part` answers a double, three times as fast as the decimal of `extract`, and exact to the
 * microsecond 130 years around 1970.
 */
const postgresMicros = (instant: string): string =>
  `case when ${instant} between '1900-01-01Z' and '2100-01-01Z' then round(date_part('epoch', ${instant}) * 1e6)::bigint ` +
  `else (extract(epoch from ${instant}) * 1000000)::bigint end`

const postgresValue = ({ name, type }: ArchivedColumn): string => {
  switch (type) {
    case 'text':
      return `'=' || ${name}`
    case 'instant':
      return postgresMicros(name)
    case 'bigint':
    case 'price':
    case 'size':
      return name
  }
}

const duckdbValue = ({ name, type }: ArchivedColumn): string => {
  switch (type) {
    case 'text':
      return `'=' || ${name}`
    case 'instant':
      return `epoch_us(${name})`
    case 'bigint':
    case 'price':
    case 'size':
      return name
  }
}

const totals = (table: ArchivedTable, hash: string, instantOf: (expression: string) => string): string =>
  `count(*)::text as rows, coalesce(sum(${hash}), 0)::text as checksum, ` +
  `${instantOf(`min(${table.instant})`)}::text as first, ${instantOf(`max(${table.instant})`)}::text as last`

/** Select list for Postgres: rows, checksum, and first and last instant as microseconds since 1970. */
export const postgresTotals = (table: ArchivedTable): string => {
  const text = joined(table.columns, `E'\\x1f'`, postgresValue)
  return totals(table, `('x' || left(md5(${text}), 15))::bit(60)::bigint`, (instant) => `(${postgresMicros(instant)})`)
}

/** The same for DuckDB. */
export const duckdbTotals = (table: ArchivedTable): string => {
  const text = joined(table.columns, 'chr(31)', duckdbValue)
  return totals(table, `('0x' || md5(${text})[:15])::bigint`, (instant) => `epoch_us(${instant})`)
}

/** Of some rows of a table, wherever they are. Microseconds since 1970; null where there are no rows. */
export type Totals = { rows: string; checksum: string; first: string | null; last: string | null }

const least = (left: string | null, right: string | null): string | null =>
  left === null || (right !== null && BigInt(right) < BigInt(left)) ? right : left

const greatest = (left: string | null, right: string | null): string | null =>
  left === null || (right !== null && BigInt(right) > BigInt(left)) ? right : left

const plus = (left: string, right: string): string => (BigInt(left) + BigInt(right)).toString()

export const NO_ROWS: Totals = { rows: '0', checksum: '0', first: null, last: null }

export const addTotals = (left: Totals, right: Totals): Totals => ({
  rows: plus(left.rows, right.rows),
  checksum: plus(left.checksum, right.checksum),
  first: least(left.first, right.first),
  last: greatest(left.last, right.last),
})

/** What differs, in words; undefined where nothing does. */
export const differenceOf = (expected: Totals, found: Totals): string | undefined => {
  const differing = (['rows', 'checksum', 'first', 'last'] as const).filter((name) => expected[name] !== found[name])
  if (differing.length === 0) return undefined
  return differing.map((name) => `${name}: ${expected[name]} in Postgres, ${found[name]} in the object`).join('; ')
}
