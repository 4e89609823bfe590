import type { DuckDBConnection } from '@duckdb/node-api'
import type { ClientBase } from 'pg'
import { literal } from '../../archive/duckdb.ts'
import type { Manifest } from '../../archive/manifest.ts'
import { readArchivedParts } from './archived-parts.ts'
import { listOf } from './columns.ts'
import { expectHotRows, type HotTable } from './hot-rows.ts'
import type { ScanPlan } from './scan-limit.ts'
import { conditionOf, type Scope } from './scope.ts'
import { isArchived } from './tables.ts'

/** Where the rows of a table lie, and what reading them takes. */
export type Source = HotTable & { parts: Manifest[]; plan: ScanPlan }

export const findSource = async (client: ClientBase, hot: HotTable, scope: Scope): Promise<Source> => {
  const parts = isArchived(hot.table) ? await readArchivedParts(client, hot.table, scope) : []
  const { rows: hotRows, bytes: hotBytes } = await expectHotRows(client, hot, scope)
  const objectBytes = parts.reduce((sum, part) => sum + part.bytes, 0)
  return { ...hot, parts, plan: { table: hot.table.name, hotRows, hotBytes, objects: parts.length, objectBytes } }
}

const selectHot = ({ table, columns }: HotTable): string => `select ${listOf(columns)} from hot.${table.name}`

/** An empty table for the rows of Postgres, and the view under the name that people know. */
export const declare = async (connection: DuckDBConnection, hot: HotTable): Promise<void> => {
  const columns = hot.columns.map(({ name, type }) => `"${name}" ${type}`).join(', ')
  await connection.run(`create or replace table hot.${hot.table.name} (${columns})`)
  await connection.run(`create or replace view ${hot.table.name} as ${selectHot(hot)}`)
}

/** Objects of an older schema lack columns that came later: they are null there. */
const selectCold = async (connection: DuckDBConnection, { columns }: HotTable, files: string): Promise<string> => {
  const there = await connection.runAndReadAll(`select column_name from (describe select * from ${files})`)
  const names = new Set(there.getRows().map(([name]) => String(name)))
  const selected = columns.map(({ name, type }) => `${names.has(name) ? `"${name}"` : 'null'}::${type} as "${name}"`)
  return `select ${selected.join(', ')} from ${files}`
}

export type ColdFiles = { paths: string[]; scope: Scope }

/** Joins these objects to the view. The scope stands inside it, so that row groups without such rows are skipped. */
export const joinCold = async (
  connection: DuckDBConnection,
  hot: HotTable,
  { paths, scope }: ColdFiles,
): Promise<void> => {
  const files = `read_parquet([${paths.map(literal).join(', ')}], union_by_name = true, hive_partitioning = false)`
  const cold = `${await selectCold(connection, hot, files)} where ${conditionOf(hot.table, scope)}`
  await connection.run(`create or replace view ${hot.table.name} as ${selectHot(hot)} union all ${cold}`)
}
