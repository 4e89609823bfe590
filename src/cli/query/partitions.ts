import type { ClientBase } from 'pg'
import { ARCHIVED_TABLES } from '../../archive/tables.ts'
import type { Scope } from './scope.ts'
import type { QueryTable } from './tables.ts'

/** What the snapshot names is there no longer: a day was dropped or restored meanwhile. A new snapshot knows. */
export class SnapshotOutdated extends Error {}

/**
 * pg_inherits is read as of the snapshot, as the manifest is. What the functions say is of now: null for what was dropped
 * meanwhile, which must not be left out here, but noticed by the lock.
 */
const PARTITIONS = `
select format('%I', p.relname) as name, p.oid::text as oid
from pg_inherits i
join pg_class p on p.oid = i.inhrelid
cross join lateral (select pg_get_expr(p.relpartbound, p.oid) as text) bound
where i.inhparent = to_regclass($1) and not i.inhdetachpending
  and ((regexp_match(bound.text, 'TO \\(''([^'']+)''\\)'))[1]::timestamptz > $2) is not false
  and ((regexp_match(bound.text, 'FROM \\(''([^'']+)''\\)'))[1]::timestamptz < $3) is not false
order by p.relname`

const CURRENT = `select bool_and(to_regclass(name)::oid::text = oid) as is_current from unnest($1::text[], $2::text[]) as r (name, oid)`

const UNDEFINED_TABLE = '42P01'

const isGone = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === UNDEFINED_TABLE

/** From now on none of them can be dropped; neither writers nor drops of other days are held up. */
const hold = async (client: ClientBase, relations: { name: string; oid: string }[]): Promise<void> => {
  if (relations.length === 0) return
  const names = relations.map(({ name }) => name)
  try {
    await client.query(`lock table ${names.join(', ')} in access share mode`)
  } catch (error) {
    throw isGone(error) ? new SnapshotOutdated('a partition was dropped', { cause: error }) : error
  }
  const oids = relations.map(({ oid }) => oid)
  const { rows } = await client.query<{ is_current: boolean | null }>(CURRENT, [names, oids])
  if (rows[0]?.is_current !== true) throw new SnapshotOutdated('a partition was dropped and restored')
}

/**
 * The tables of Postgres that hold rows of the scope. Of a table that is archived these are its partitions as of the
 * snapshot and not the table: that would show a day that is restored meanwhile, which the snapshot knows in the archive.
 *
 * @throws SnapshotOutdated
 */
export const holdRelations = async (client: ClientBase, { name }: QueryTable, scope: Scope): Promise<string[]> => {
  const archived = ARCHIVED_TABLES.find((table) => table.name === name)
  if (archived === undefined) return [name]
  const [from, to] = [scope.fromTimeMs, scope.toTimeMs].map((timeMs) => (timeMs === undefined ? undefined : new Date(timeMs).toISOString())) // prettier-ignore
  const { rows } = await client.query<{ name: string; oid: string }>(PARTITIONS, [
    name,
    from ?? '-infinity',
    to ?? 'infinity',
  ])
  await hold(client, rows)
  return [...rows.map((row) => row.name), archived.later]
}
