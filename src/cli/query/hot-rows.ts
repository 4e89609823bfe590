import type { DuckDBConnection } from '@duckdb/node-api'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientBase } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { literal } from '../../archive/duckdb.ts'
import { listOf, type Column } from './columns.ts'
import { rowChunks } from './row-chunks.ts'
import { conditionOf, type Scope } from './scope.ts'
import type { QueryTable } from './tables.ts'

const CHUNK_BYTES = 16 * 1024 * 1024

/** A table as a query sees it, and the tables of Postgres in which its rows lie. */
export type HotTable = { table: QueryTable; columns: Column[]; relations: string[] }

const hotQuery = ({ table, columns, relations }: HotTable, scope: Scope): string => {
  const condition = conditionOf(table, scope)
  return relations.map((name) => `select ${listOf(columns)} from ${name} where ${condition}`).join(' union all ')
}

/** Rows and bytes that Postgres expects to read, by its statistics. */
export const expectHotRows = async (
  client: ClientBase,
  hot: HotTable,
  scope: Scope,
): Promise<{ rows: number; bytes: number }> => {
  const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${hotQuery(hot, scope)}`)
  const [, count = '0', width = '0'] = /rows=(\d+) width=(\d+)/.exec(rows[0]?.['QUERY PLAN'] ?? '') ?? []
  return { rows: Number(count), bytes: Number(count) * Number(width) }
}

/** DuckDB takes 6 µs to read a text as a DECIMAL of more than 18 digits, and 0.2 µs for one of 18, which nearly all fit into. */
const WIDE = 'DECIMAL(24,6)'
const NARROW = 'DECIMAL(18,6)'

const valueOf = ({ name, type }: Column): string =>
  type === WIDE ? `coalesce(try_cast("${name}" as ${NARROW})::${WIDE}, "${name}"::${WIDE})` : `"${name}"`

const insertFrom = (path: string, { table, columns }: HotTable): string => {
  const readAs = ({ type }: Column): string => (type === WIDE ? 'VARCHAR' : type)
  const types = columns.map((column) => `${literal(column.name)}: ${literal(readAs(column))}`).join(', ')
  return `insert into hot.${table.name} select ${columns.map(valueOf).join(', ')} from read_csv(${literal(path)},
    auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false,
    columns = {${types}})`
}

type Into = { connection: DuckDBConnection; folder: string; onBytes: (bytes: number) => void }

/**
 * Streams the rows of the scope by COPY into `hot.<table>` of DuckDB, in files of one chunk: the next is received while the
 * last is read in. Answers how many rows.
 */
export const copyHotRows = async (
  client: ClientBase,
  hot: HotTable,
  { scope, into }: { scope: Scope; into: Into },
): Promise<number> => {
  const stream = client.query(copyTo(`copy (${hotQuery(hot, scope)}) to stdout (format csv)`))
  let count = 0
  let number = 0
  const insert = async (path: string): Promise<void> => {
    count += (await into.connection.run(insertFrom(path, hot))).rowsChanged
    await rm(path)
  }
  let inserting = Promise.resolve()
  for await (const chunk of rowChunks(stream, CHUNK_BYTES)) {
    into.onBytes(chunk.length)
    const path = join(into.folder, `${hot.table.name}-${(number += 1)}.csv`)
    await writeFile(path, chunk)
    await inserting
    inserting = insert(path)
    // Its error comes with the next await; until then it is not unhandled.
    inserting.catch(() => undefined)
  }
  await inserting
  return count
}
