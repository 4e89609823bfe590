import type { Pool } from 'pg'
import type { PartName } from './archives.ts'

type Due = { table: string; later: string; instant: string; upTo: string; only: string | undefined; limit: number }

const DAY_OF = (column: string): string => `(${column} at time zone 'UTC')::date`

/**
 * Partitions that are not proved under the seal they have, oldest first. A restored day stays in Postgres until somebody
 * names it. A day that was dropped and not restored is in its object alone, whatever partition there is.
 */
const PARTITIONS = `
select ${DAY_OF('p.starts_at')}::text as day, 0 as part from partitions p
where p.table_name = $1 and ${DAY_OF('p.starts_at')} <= $2::date and ($3::date is null or ${DAY_OF('p.starts_at')} = $3::date)
  and not exists (
    select from archives a left join partition_seals s using (table_name, day)
    where a.table_name = $1 and a.day = ${DAY_OF('p.starts_at')} and a.part = 0
      and case when a.restored_at is null then a.dropped_at is not null or a.sealed_at = s.sealed_at else $3::date is null end)
order by 1 limit $4`

/** Rows that came later, of days whose partition is archived: what has no number yet becomes the next part. */
const later = (relation: string, instant: string): string => `
select l.day::text as day, coalesce(l.part, 1 + greatest(
    (select max(a.part) from archives a where a.table_name = $1 and a.day = l.day),
    (select max(o.part) from ${relation} o
     where o.${instant} >= l.day::timestamp at time zone 'UTC' and o.${instant} < (l.day + 1)::timestamp at time zone 'UTC'))) as part
from (select distinct ${DAY_OF(instant)} as day, part from ${relation}) l
where l.day <= $2::date and ($3::date is null or l.day = $3::date)
  and exists (select from archives a where a.table_name = $1 and a.day = l.day and a.part = 0 and a.restored_at is null)
  and not exists (select from archives a where a.table_name = $1 and a.day = l.day and a.part = l.part and a.restored_at is null)
order by 1, 2 limit $4`

/** Parts that no object holds yet. */
export const readUnproved = async (pool: Pool, due: Due): Promise<PartName[]> => {
  const values = [due.table, due.upTo, due.only, due.limit]
  const whole = await pool.query<{ day: string; part: number }>(PARTITIONS, values)
  const further = await pool.query<{ day: string; part: number }>(later(due.later, due.instant), values)
  return [...whole.rows, ...further.rows].slice(0, due.limit).map(({ day, part }) => ({ table: due.table, day, part }))
}

/** A further part goes after part 0: a day is dropped as a whole or from its end. */
const DROPPABLE = `
select a.day::text as day, a.part::int as part from archives a
where a.table_name = $1 and a.day <= $2::date and ($3::date is null or a.day = $3::date)
  and a.dropped_at is null and a.restored_at is null and a.proved_at <= now() - $5 * interval '1 hour'
  and (a.part > 0 or exists (
    select from partition_seals s where s.table_name = a.table_name and s.day = a.day and s.sealed_at = a.sealed_at))
  and (a.part = 0 or exists (
    select from archives f where f.table_name = a.table_name and f.day = a.day and f.part = 0 and f.dropped_at is not null))
order by a.day, a.part limit $4`

/** Parts whose time of grace is over. */
export const readDroppable = async (pool: Pool, due: Due, graceHours: number): Promise<PartName[]> => {
  const values = [due.table, due.upTo, due.only, due.limit, graceHours]
  const { rows } = await pool.query<{ day: string; part: number }>(DROPPABLE, values)
  return rows.map(({ day, part }) => ({ table: due.table, day, part }))
}
