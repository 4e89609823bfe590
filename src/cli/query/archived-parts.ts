import type { ClientBase } from 'pg'
import { readManifest, type Manifest } from '../../archive/manifest.ts'
import type { Scope } from './scope.ts'
import type { QueryTable } from './tables.ts'

const UNKNOWN = `
select s.day::text as day from partition_seals s
where s.table_name = $1 and s.dropped_at is not null
  and s.day >= ($2::timestamptz at time zone 'UTC')::date and s.day <= ($3::timestamptz at time zone 'UTC')::date
  and not exists (
    select from archives a
    where a.table_name = s.table_name and a.day = s.day and a.part = 0 and a.dropped_at is not null and a.restored_at is null)
order by s.day limit 1`

const instantOf = (timeMs: number | undefined, otherwise: string): string =>
  timeMs === undefined ? otherwise : new Date(timeMs).toISOString()

/** Microseconds are cut, which changes nothing: a scope is of whole milliseconds and half-open. */
const isWithin = ({ firstCapturedAt, lastCapturedAt }: Manifest, { fromTimeMs, toTimeMs }: Scope): boolean =>
  firstCapturedAt !== null &&
  lastCapturedAt !== null &&
  Date.parse(lastCapturedAt) >= (fromTimeMs ?? -Infinity) &&
  Date.parse(firstCapturedAt) < (toTimeMs ?? Infinity)

/**
 * Objects that may hold rows of the scope which are no longer in Postgres. Proved parts whose rows are there too are left
 * out until those are dropped.
 *
 * @throws Error where a day is in neither: an answer without it would be wrong.
 */
export const readArchivedParts = async (
  client: ClientBase,
  { name }: QueryTable,
  scope: Scope,
): Promise<Manifest[]> => {
  const [from, to] = [instantOf(scope.fromTimeMs, '-infinity'), instantOf(scope.toTimeMs, 'infinity')]
  const [unknown] = (await client.query<{ day: string }>(UNKNOWN, [name, from, to])).rows
  if (unknown !== undefined) {
    throw new Error(
      `expected ${name} of ${unknown.day} in the archive: its partition was dropped, but no object is known`,
    )
  }
  const manifests = await readManifest(client, { table: name, from, to })
  return manifests.filter((manifest) => manifest.isDropped && isWithin(manifest, scope))
}
