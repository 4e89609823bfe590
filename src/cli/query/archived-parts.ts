import type { ClientBase } from 'pg'
import type { Scope } from './scope.ts'
import type { QueryTable } from './tables.ts'

/** An object of the archive whose rows are no longer in Postgres. */
export type ArchivedPart = { key: string; sha256: string; bytes: number; rows: number }

const PARTS = `
select object_key as key, sha256, bytes::float8 as bytes, rows::float8 as rows
from archives
where table_name = $1 and dropped_at is not null
  and ($2::timestamptz is null or last_captured_at >= $2) and ($3::timestamptz is null or first_captured_at < $3)
order by day, part`

const UNKNOWN = `
select s.day::text as day from partition_seals s
where s.table_name = $1 and s.dropped_at is not null
  and ($2::timestamptz is null or s.day >= ($2::timestamptz at time zone 'UTC')::date)
  and ($3::timestamptz is null or s.day <= ($3::timestamptz at time zone 'UTC')::date)
  and not exists (select from archives a where a.table_name = s.table_name and a.day = s.day and a.dropped_at is not null)
order by s.day limit 1`

const instantOf = (timeMs: number | undefined): string | null =>
  timeMs === undefined ? null : new Date(timeMs).toISOString()

/**
 * What of a table is in the archive alone. The rest is in Postgres: proved parts too, until their rows are dropped there.
 *
 * @throws Error where a day is in neither: an answer without it would be wrong.
 */
export const readArchivedParts = async (
  client: ClientBase,
  { name }: QueryTable,
  { fromTimeMs, toTimeMs }: Scope,
): Promise<ArchivedPart[]> => {
  const values = [name, instantOf(fromTimeMs), instantOf(toTimeMs)]
  const [unknown] = (await client.query<{ day: string }>(UNKNOWN, values)).rows
  if (unknown !== undefined) {
    throw new Error(
      `expected ${name} of ${unknown.day} in the archive: its partition was dropped, but no object is known`,
    )
  }
  return (await client.query<ArchivedPart>(PARTS, values)).rows
}
