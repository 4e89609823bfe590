import type pg from 'pg'
import { withClient } from '../../store/checkout.ts'
import { pendingMigrations } from '../../store/migrate.ts'
import { missingPartitions } from '../../store/partitions.ts'
import { fail, ok, warn, type Verdict } from './finding.ts'

export const migrationsVerdict = async (pool: pg.Pool): Promise<Verdict> => {
  const pending = await withClient(pool, (client) => pendingMigrations(client))
  if (pending.length === 0) return ok('all are applied')
  return fail(`${pending.length} are not applied: ${shortened(pending)}`, 'npm run migrate')
}

const MOST_NAMES = 5
const shortened = (names: string[]): string =>
  names.length <= MOST_NAMES ? names.join(', ') : `${names.slice(0, MOST_NAMES).join(', ')} …`

/** Tables of ours are those beside `migrations`. Partitions are attached, sealed and dropped by who owns their table. */
const RIGHTS = `
with ours as (
  select c.oid, c.relname, c.relkind, c.relowner from pg_class c
  where c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'migrations'
    and c.relnamespace = (select relnamespace from pg_class where oid = to_regclass('migrations'))
)
select case when not has_schema_privilege(current_schema(), 'create') then 'create in the schema ' || current_schema() end as lacks
union all
select 'insert, update, delete and select on ' || relname from ours
where not (has_table_privilege(oid, 'insert') and has_table_privilege(oid, 'update')
  and has_table_privilege(oid, 'delete') and has_table_privilege(oid, 'select'))
union all
select 'to own ' || relname from ours where relkind = 'p' and not pg_has_role(relowner, 'usage')`

export const rightsVerdict = async (pool: pg.Pool): Promise<Verdict> => {
  const { rows } = await pool.query<{ lacks: string | null }>(RIGHTS)
  const lacks = rows.flatMap((row) => row.lacks ?? [])
  if (lacks.length === 0) return ok('it reads, writes and makes partitions')
  return fail(
    `${lacks.length} rights are missing: ${shortened(lacks)}`,
    'record as the user that ran the migrations, or make this one a member of it: GRANT <owner> TO <user>',
  )
}

/** As many as the hourly maintenance makes: of those after tomorrow it has a day to do so. */
const DAYS_AHEAD = 3
const URGENT_DAYS = 2

export const partitionsVerdict = async (pool: pg.Pool): Promise<Verdict> => {
  const missing = await missingPartitions(pool, DAYS_AHEAD)
  if (missing.length === 0) return ok(`of today and ${DAYS_AHEAD} days ahead are there`)
  const urgentUntil = new Date(Date.now() + (URGENT_DAYS - 1) * 86_400_000).toISOString().slice(0, 10)
  const found = `missing: ${shortened(missing.map(({ table, day }) => `${table} of ${day}`))}`
  const remedy =
    'see that control runs and that the schedule maintainPartitions is not paused; ' +
    'at once: temporal schedule trigger --schedule-id maintainPartitions'
  return missing.some(({ day }) => day <= urgentUntil) ? fail(found, remedy) : warn(found, remedy)
}
