import type { DuckDBConnection } from '@duckdb/node-api'
import { literal } from '../../archive/duckdb.ts'
import type { Scope } from './scope.ts'
import type { QueryTable } from './tables.ts'

/** Row groups of objects: how many there are, and how many may hold rows of the scope. */
export type RowGroups = { all: number; touched: number }

const statistic = (which: 'min' | 'max', column: string): string =>
  `max(coalesce(stats_${which}_value, stats_${which})) filter (path_in_schema = ${literal(column)})`

/** What says nothing of a column is no reason to leave it out. */
const overlaps = ({ outcome, time }: QueryTable, { markets, fromTimeMs, toTimeMs }: Scope): string => {
  const instant = (timeMs: number): string => `timestamptz ${literal(new Date(timeMs).toISOString())}`
  const ids = outcome === 'always' ? (markets?.outcomeIds ?? []) : []
  const within = ids.map((id) => `${literal(id)} between least_id and most_id`).join(' or ')
  const conditions = [
    ...(within === '' ? [] : [`(${within})`]),
    ...(time === undefined || fromTimeMs === undefined ? [] : [`last_at >= ${instant(fromTimeMs)}`]),
    ...(time === undefined || toTimeMs === undefined ? [] : [`first_at < ${instant(toTimeMs)}`]),
  ]
  return conditions.map((condition) => `(${condition}) is not false`).join(' and ') || 'true'
}

/** By the statistics that DuckDB goes by too; reads the footers only. */
export const countRowGroups = async (
  connection: DuckDBConnection,
  table: QueryTable,
  { paths, scope }: { paths: string[]; scope: Scope },
): Promise<RowGroups> => {
  const column = table.time?.type === 'instant' ? table.time.column : ''
  const reader = await connection.runAndReadAll(`
    select count(*)::int, count(*) filter (where ${overlaps(table, scope)})::int from (
      select ${statistic('min', 'outcome_id')} as least_id, ${statistic('max', 'outcome_id')} as most_id,
        try_cast(${statistic('min', column)} as timestamptz) as first_at,
        try_cast(${statistic('max', column)} as timestamptz) as last_at
      from parquet_metadata([${paths.map(literal).join(', ')}]) group by file_name, row_group_id)`)
  const [row] = reader.getRows()
  return { all: Number(row?.[0]), touched: Number(row?.[1]) }
}
