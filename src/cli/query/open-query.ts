import type { DuckDBConnection } from '@duckdb/node-api'
import type { ClientBase, Pool } from 'pg'
import type { Manifest } from '../../archive/manifest.ts'
import { StoreError } from '../../archive/store/object-store.ts'
import { readColumns } from './columns.ts'
import { copyHotRows, type HotTable } from './hot-rows.ts'
import { holdRelations } from './partitions.ts'
import { createScanMeter, refuseLargeScan } from './scan-limit.ts'
import { countRowGroups, type RowGroups } from './row-groups.ts'
import type { Scope } from './scope.ts'
import { withSnapshot } from './snapshot.ts'
import { declare, findSource, joinCold, type Source } from './sources.ts'
import { checkStatement, type AnswerColumn } from './statement.ts'
import { tablesNamed } from './tables.ts'

/** What was read so far, and what is expected to be. */
type Amounts = { hotRows: number; hotBytes: number; objects: number; objectBytes: number }
export type ReadFacts = Amounts & { rowGroups: RowGroups }
export type Progress = { read: Amounts; expected: Amounts }

export type QueryDeps = {
  pool: Pool
  connection: DuckDBConnection
  /** For files of one query; whoever made it removes it. */
  folder: string
  /** Path of a local copy of an object, there until the query has ended. */
  openObject: (part: Manifest) => Promise<string>
  onProgress: (progress: Progress) => void
}

/** `maxBytes`: of rows of Postgres and whole objects; Infinity = any. */
export type Asked = { statement: string; scope: Scope; maxBytes: number }

const NOTHING: Amounts = { hotRows: 0, hotBytes: 0, objects: 0, objectBytes: 0 }

const sumOf = (sources: Source[]): Amounts =>
  sources.reduce(
    (sum, { plan }) => ({
      hotRows: sum.hotRows + plan.hotRows,
      hotBytes: sum.hotBytes + plan.hotBytes,
      objects: sum.objects + plan.objects,
      objectBytes: sum.objectBytes + plan.objectBytes,
    }),
    NOTHING,
  )

type Reading = QueryDeps & { asked: Asked; read: ReadFacts }
type Found = { sources: Source[]; columns: AnswerColumn[] }

/** Where the rows of these tables lie, held there; nothing is read yet. */
const findSources = async (client: ClientBase, { connection, asked }: Reading): Promise<Found> => {
  const hots: HotTable[] = []
  for (const table of tablesNamed(asked.statement)) {
    const relations = await holdRelations(client, table, asked.scope)
    hots.push({ table, relations, columns: await readColumns(client, table.name) })
  }
  for (const hot of hots) await declare(connection, hot)
  const columns = await checkStatement(connection, asked.statement)
  const sources: Source[] = []
  for (const hot of hots) sources.push(await findSource(client, hot, asked.scope))
  refuseLargeScan(sources.map(({ plan }) => plan), asked.maxBytes) // prettier-ignore
  return { sources, columns }
}

/** All of Postgres in one snapshot: which parts are in the archive alone, and the rows of the rest. */
const readHot = (reading: Reading): Promise<Found> => {
  const { asked, read, connection, folder, onProgress } = reading
  return withSnapshot(reading.pool, async (client) => {
    const found = await findSources(client, reading)
    const expected = sumOf(found.sources)
    const meter = createScanMeter(asked.maxBytes, expected.objectBytes)
    const onBytes = (bytes: number): void => {
      meter.add(bytes)
      read.hotBytes += bytes
      onProgress({ read, expected })
    }
    for (const source of found.sources) {
      read.hotRows += await copyHotRows(client, source, { scope: asked.scope, into: { connection, folder, onBytes } })
    }
    return found
  })
}

const readCold = async ({ asked, read, ...deps }: Reading, sources: Source[]): Promise<void> => {
  const expected = sumOf(sources)
  for (const source of sources) {
    const paths: string[] = []
    for (const part of source.parts) {
      paths.push(await deps.openObject(part))
      read.objects += 1
      read.objectBytes += part.bytes
      deps.onProgress({ read, expected })
    }
    if (paths.length === 0) continue
    const files = { paths, scope: asked.scope }
    await joinCold(deps.connection, source, files)
    const { all, touched } = await countRowGroups(deps.connection, source.table, files)
    read.rowGroups = { all: read.rowGroups.all + all, touched: read.rowGroups.touched + touched }
  }
}

const readOnce = async (deps: QueryDeps, asked: Asked): Promise<Opened> => {
  const reading: Reading = { ...deps, asked, read: { ...NOTHING, rowGroups: { all: 0, touched: 0 } } }
  const { sources, columns } = await readHot(reading)
  await readCold(reading, sources)
  return { columns, read: reading.read }
}

/** A day that was restored and archived anew since the snapshot has other objects. */
const isReplaced = (error: unknown): boolean =>
  error instanceof StoreError && (error.fault === 'missing' || error.fault === 'damaged')

type Opened = { columns: AnswerColumn[]; read: ReadFacts }

/**
 * Makes each table that the statement names one view, in `connection`, over Postgres and the archive, of the rows in the
 * scope. Rows are read once: those of Postgres into DuckDB, and the statement itself runs on them and on the objects.
 *
 * @throws ScanTooLarge, or Error where the statement is no query, before a row is read.
 */
export const openQuery = async (deps: QueryDeps, asked: Asked): Promise<Opened> => {
  await deps.connection.run('create schema hot')
  try {
    return await readOnce(deps, asked)
  } catch (error) {
    if (!isReplaced(error)) throw error
    return await readOnce(deps, asked)
  }
}
