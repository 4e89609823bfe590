import type { Pool } from 'pg'

const DAY_MS = 86_400_000

/** Tables whose partitions are made ahead: by UTC day, of `derived_metrics` by month. */
export const PARTITIONED_TABLES = ['order_books', 'liquidity_events', 'derived_metrics'] as const
export type PartitionedTable = (typeof PARTITIONED_TABLES)[number]

/** A table that has no partition for a day, and could not be given one. */
export type PartitionFailure = { table: PartitionedTable; day: string; error: unknown }

/** `YYYY-MM-DD` of a UTC day, counted from 1970. */
export const dayText = (epochDay: number): string => new Date(epochDay * DAY_MS).toISOString().slice(0, 10)

const ENSURE = 'select ensure_partition($1, $2) as name'

/** The name of the partition, where it was made now. */
export const ensureOne = async (pool: Pool, table: PartitionedTable, day: string): Promise<string[]> => {
  const { rows } = await pool.query<{ name: string | null }>(ENSURE, [table, day])
  return rows.flatMap(({ name }) => name ?? [])
}

/**
 * Makes the partitions of one UTC day where they are missing.
 *
 * @returns the names of those that were made.
 */
export const ensurePartition = async (pool: Pool, epochDay: number): Promise<string[]> => {
  const made: string[] = []
  for (const table of PARTITIONED_TABLES) made.push(...(await ensureOne(pool, table, dayText(epochDay))))
  return made
}

const MISSING = `
select t.table_name as "table", to_char(d.day, 'YYYY-MM-DD') as day
from unnest($1::text[]) as t (table_name), unnest($2::date[]) as d (day)
where not is_partitioned(t.table_name, d.day::timestamp at time zone 'UTC', (d.day + 1)::timestamp at time zone 'UTC')
order by d.day`

type Missing = { table: PartitionedTable; day: string }

/** What lacks a partition, of today and the days ahead (UTC). */
export const missingPartitions = async (pool: Pool, daysAhead: number): Promise<Missing[]> => {
  const today = Math.floor(Date.now() / DAY_MS)
  const days = Array.from({ length: daysAhead + 1 }, (_, ahead) => dayText(today + ahead))
  return (await pool.query<Missing>(MISSING, [PARTITIONED_TABLES, days])).rows
}

type Ensured = { made: string[]; failed: PartitionFailure[] }

/** One after the other: a month that is missing is missing on each of its days. */
const ensureAll = async (pool: Pool, missing: Missing[]): Promise<Ensured> => {
  const ensured: Ensured = { made: [], failed: [] }
  for (const { table, day } of missing) {
    try {
      ensured.made.push(...(await ensureOne(pool, table, day)))
    } catch (error) {
      ensured.failed.push({ table, day, error })
    }
  }
  return ensured
}

/**
 * Makes the partitions of today and the days ahead (UTC), each table by itself: a lock or an error of one hinders no other.
 *
 * @returns the names of those that were missing and were made, and what could not be made.
 * @throws Error where Postgres does not answer at all.
 */
export const ensurePartitions = async (pool: Pool, daysAhead: number): Promise<Ensured> => {
  const rows = await missingPartitions(pool, daysAhead)
  const missing = PARTITIONED_TABLES.map((table) => rows.filter((row) => row.table === table))
  const all = await Promise.all(missing.map((ofTable) => ensureAll(pool, ofTable)))
  return { made: all.flatMap(({ made }) => made), failed: all.flatMap(({ failed }) => failed) }
}

const SEALED = `select from partition_seals where table_name = $1 and day = $2`

/** Whether the partition of a day takes no more rows: it is being archived, or was. */
export const isSealed = async (pool: Pool, table: PartitionedTable, epochDay: number): Promise<boolean> =>
  (await pool.query(SEALED, [table, dayText(epochDay)])).rowCount === 1
