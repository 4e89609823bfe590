import type { ClientBase, Pool } from 'pg'

/**
 * Rules on a market as a whole, which hold or not by what Postgres says: `resolved`, and `feed_stale` where an alert of the
 * heartbeats concerns the market. Who comes second finds the state changed and writes nothing.
 */
const FIRE = `
with rules as (
  select a.*, coalesce(s.state, 'armed') as state, coalesce(s.crossing, 0) as crossing, s.last_fired_at,
    case a.condition when 'resolved' then m.status = 'resolved'
      else exists (select from feed_alert_markets f join feed_alerts e using (alert_id)
        where f.market_id = a.market_id and f.left_at is null and e.recovered_at is null) end as holds,
    case a.condition when 'resolved' then m.resolved_at end as source_ts
  from alerts a join markets m using (market_id) left join alert_states s using (alert_id)
  where a.condition in ('resolved', 'feed_stale') and a.status = 'active' and a.invalid_reason is null
    and a.checked_at is not null and ($1::text[] is null or a.market_id = any($1))
), moved as (
  insert into alert_states (alert_id, state, crossing, last_fired_at, changed_at)
  select alert_id, case when holds then 'fired' else 'armed' end, crossing + holds::int,
    case when holds then now() else last_fired_at end, now()
  from rules
  where case when holds then state = 'armed' and (last_fired_at is null or last_fired_at + cooldown <= now())
    else state = 'fired' end
  order by alert_id
  on conflict (alert_id) do update set state = excluded.state, crossing = excluded.crossing,
    last_fired_at = excluded.last_fired_at, changed_at = excluded.changed_at
    where alert_states.state <> excluded.state
  returning alert_id, state, crossing
)
insert into alert_events (alert_id, crossing, user_id, market_id, condition, source_ts, captured_at, triggered_at, webhook_url)
select alert_id, m.crossing, r.user_id, r.market_id, r.condition, r.source_ts, now(), clock_timestamp(), r.webhook_url
from moved m join rules r using (alert_id) where m.state = 'fired'
on conflict do nothing`

/** Fires and re-arms the rules on these markets as a whole, or on all where they are not named. Answers how many fired. */
export const fireOfMarkets = async (client: ClientBase | Pool, marketIds?: string[]): Promise<number> => {
  if (marketIds?.length === 0) return 0
  return (await client.query(FIRE, [marketIds ?? null])).rowCount ?? 0
}
