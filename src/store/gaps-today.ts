import type { Pool } from 'pg'

type OpenGap = { outcomeId: string; reason: string; openedAt: string }
/** `seconds`: in which a book of the market may have been incomplete today (UTC), outcomes counted once. */
export type GapsToday = { count: number; seconds: number; open: OpenGap[] }

const TODAY = `
with today as (
  select date_trunc('day', now(), 'UTC') as begins
), gaps as (
  select g.outcome_id, g.reason, g.opened_at, g.closed_at, g.nothing_missed,
    tstzrange(greatest(g.opened_at, t.begins), greatest(g.opened_at, t.begins, coalesce(g.closed_at, now()))) as part
  from feed_gaps g, today t
  where g.market_id = $1 and (g.closed_at is null or g.closed_at > t.begins)
)
select count(*)::int as count,
  coalesce((select sum(extract(epoch from upper(one) - lower(one)))
    from unnest((select range_agg(part) from gaps where not nothing_missed)) as one), 0)::float8 as seconds,
  (select jsonb_agg(jsonb_build_object('outcomeId', o.outcome_id, 'reason', o.reason, 'openedAt', o.opened_at))
   from (select * from gaps where closed_at is null order by opened_at limit 20) o) as open
from gaps`

/** Gaps of a market that were open at some time today (UTC). */
export const readGapsToday = async (pool: Pool, marketId: string): Promise<GapsToday> => {
  const { rows } = await pool.query<{ count: number; seconds: number; open: OpenGap[] | null }>(TODAY, [marketId])
  const [row] = rows
  return { count: row?.count ?? 0, seconds: row?.seconds ?? 0, open: row?.open ?? [] }
}
