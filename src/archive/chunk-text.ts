import type { ArchivedColumn, ArchivedTable } from './tables.ts'
import { PARQUET_TYPES } from './tables.ts'
import { literal } from './duckdb.ts'

/** DuckDB takes 6 µs to read a text as a DECIMAL of more than 18 digits, and 0.2 µs for one of 18, which nearly all fit into. */
const WIDE = 'size'
const NARROW_TYPE = 'DECIMAL(18,6)'

const readAs = ({ type }: ArchivedColumn): string => (type === WIDE ? 'VARCHAR' : PARQUET_TYPES[type])

const valueOf = ({ name, type }: ArchivedColumn): string =>
  type === WIDE
    ? `coalesce(try_cast(${name} as ${NARROW_TYPE})::${PARQUET_TYPES[type]}, ${name}::${PARQUET_TYPES[type]}) as ${name}`
    : name

const takenOf = ({ columns }: ArchivedTable): ArchivedColumn[] =>
  columns.filter(({ isComputed }) => isComputed !== true)

/** Column list of the COPY that writes a chunk. */
export const copiedColumns = ({ columns }: ArchivedTable): string => columns.map(({ name }) => name).join(', ')

/** Column list of the COPY that brings rows back: Postgres takes none that it computes. */
export const writtenColumns = (table: ArchivedTable): string => copiedColumns({ ...table, columns: takenOf(table) })

/** Options of that COPY. An absent value is nothing, an empty text is `""`. */
export const COPY_OPTIONS = 'format csv'

/** What DuckDB reads of a chunk, as rows of the table. */
export const selectChunk = ({ columns }: ArchivedTable, path: string): string => {
  const types = columns.map((column) => `${column.name}: '${readAs(column)}'`).join(', ')
  return `
select ${columns.map(valueOf).join(', ')}
from read_csv(${literal(path)}, columns = {${types}}, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"',
  nullstr = '', allow_quoted_nulls = false)`
}

export const tableDefinition = ({ columns }: ArchivedTable): string =>
  columns.map(({ name, type }) => `${name} ${PARQUET_TYPES[type]}`).join(', ')

const escaped = (name: string): string =>
  [['\\', '\\\\'], ['\t', '\\t'], ['\n', '\\n'], ['\r', '\\r']].reduce(
    (text, [from = '', to = '']) => `replace(${text}, ${control(from)}, ${literal(to)})`,
    name,
  ) // prettier-ignore

/** A literal of DuckDB takes control characters as they are, which nobody could read. */
const control = (character: string): string => `chr(${character.charCodeAt(0)})`

const lineValue = ({ name, type }: ArchivedColumn): string =>
  `coalesce(${type === 'text' ? escaped(name) : `${name}::varchar`}, ${literal('\\N')})`

/** An expression of DuckDB: a row as a line of COPY in Postgres' text format, for `writtenColumns`. */
export const copyLine = (table: ArchivedTable): string =>
  `concat(${takenOf(table).map(lineValue).join(', chr(9), ')}, chr(10))`
