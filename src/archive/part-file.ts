import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { duckdbTotals, type Totals } from './checksum.ts'
import { copyLine, selectChunk, tableDefinition } from './chunk-text.ts'
import { literal, openDuckdb, textRows } from './duckdb.ts'
import type { ArchivedTable } from './tables.ts'

/**
 * About 2 MB in the object: small enough to skip the rest. Both outcomes of a market change at the same instants by the
 * same sizes: the second costs next to nothing where it is in the group of the first, half as many are with half the rows.
 */
const ROW_GROUP_ROWS = 245_760

export type Room = { memoryBytes: number; threads: number; folder: string }

/** Of what was said by `signal` DuckDB hears at once, in the middle of a statement. */
const interruptedBy = async <T>(connection: DuckDBConnection, signal: AbortSignal, run: () => Promise<T>) => {
  const interrupt = (): void => connection.interrupt()
  signal.throwIfAborted()
  signal.addEventListener('abort', interrupt, { once: true })
  try {
    return await run()
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', interrupt)
  }
}

type Build = {
  table: ArchivedTable
  /** Files of CSV, one after the other: each is deleted once it is read. */
  chunks: AsyncIterable<string>
  path: string
  room: Room
  onStage: (stage: 'reading' | 'sorting') => void
  signal: AbortSignal
}

/**
 * Sorts rows into one Parquet file, through a database file in the folder: memory does not grow with the rows. The folder
 * takes some 130 bytes a row, and as much again while it sorts.
 */
export const buildPart = async ({ table, chunks, path, room, onStage, signal }: Build): Promise<void> => {
  using duckdb = await openDuckdb({ ...room, path: join(room.folder, 'rows.duckdb') })
  const { connection } = duckdb
  // Compressing what is read once took as long as reading it.
  await connection.run(`pragma force_compression = 'uncompressed'`)
  await connection.run('pragma disable_checkpoint_on_shutdown')
  await connection.run(`create table rows (${tableDefinition(table)})`)
  onStage('reading')
  for await (const chunk of chunks) {
    await interruptedBy(connection, signal, () => connection.run(`insert into rows ${selectChunk(table, chunk)}`))
    await rm(chunk)
  }
  onStage('sorting')
  // Plain instants: as differences of 28 bits (version 2) the second outcome looks like no other, 9.6 bytes a row and not 8.5.
  const options = `format parquet, parquet_version v1, compression zstd, compression_level 9, row_group_size ${ROW_GROUP_ROWS}`
  const sorted = `select * from rows order by ${table.order.join(', ')}`
  await interruptedBy(connection, signal, () => connection.run(`copy (${sorted}) to ${literal(path)} (${options})`))
}

/** Reads every value of the file. */
export const readTotals = async (
  { table, path, room }: { table: ArchivedTable; path: string; room: Room },
  signal: AbortSignal,
): Promise<Totals> => {
  using duckdb = await openDuckdb(room)
  const { connection } = duckdb
  const sql = `select ${duckdbTotals(table)} from read_parquet(${literal(path)}, hive_partitioning = false)`
  const reader = await interruptedBy(connection, signal, () => connection.runAndReadAll(sql))
  const [row] = reader.getRowObjectsJson()
  const text = (name: keyof Totals): string | null => (typeof row?.[name] === 'string' ? row[name] : null)
  return { rows: text('rows') ?? '', checksum: text('checksum') ?? '', first: text('first'), last: text('last') }
}

/** Some keys that rows of both files have, in words. */
export const sharedKeys = async (
  { table, path, earlier, room }: { table: ArchivedTable; path: string; earlier: string; room: Room },
  signal: AbortSignal,
): Promise<string[]> => {
  using duckdb = await openDuckdb(room)
  const { connection } = duckdb
  const [rows, others] = [path, earlier].map((file) => `read_parquet(${literal(file)}, hive_partitioning = false)`)
  const key = table.order.map((column) => `r.${column}`).join(', ')
  const same = table.order.map((column) => `r.${column} = o.${column}`).join(' and ')
  const sql = `select concat_ws(' ', ${key}) from ${rows} r where exists (select 1 from ${others} o where ${same}) limit 3`
  const reader = await interruptedBy(connection, signal, () => connection.runAndReadAll(sql))
  return textRows(reader).flatMap(([text]) => text ?? [])
}

/** Rows as lines of COPY, some thousand at a time. */
export async function* partLines(
  { table, path, room }: { table: ArchivedTable; path: string; room: Room },
  signal: AbortSignal,
): AsyncGenerator<string[]> {
  using duckdb = await openDuckdb(room)
  const sql = `select ${copyLine(table)} as line from read_parquet(${literal(path)}, hive_partitioning = false)`
  const result = await duckdb.connection.stream(sql)
  for await (const rows of result.yieldRowsJson()) {
    signal.throwIfAborted()
    yield rows.map(([line]) => (typeof line === 'string' ? line : ''))
  }
}
