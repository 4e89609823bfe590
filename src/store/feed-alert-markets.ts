import type { Pool, PoolClient } from 'pg'
import { toJson } from './json.ts'

type Concerned = { alert_id: string; market_id: string }

/** One that left and comes again is told again if it was told that it had recovered. */
const JOIN = `
insert into feed_alert_markets (alert_id, market_id)
select alert_id, market_id from jsonb_to_recordset($1::jsonb) as n(alert_id bigint, market_id text)
on conflict (alert_id, market_id) do update set left_at = null, told_recovered_at = null,
  told_raised_at = case when feed_alert_markets.told_recovered_at is null then feed_alert_markets.told_raised_at end
where feed_alert_markets.left_at is not null`

const LEAVE = `
update feed_alert_markets m set left_at = now()
where m.alert_id = any($1::bigint[]) and m.left_at is null and not exists (
  select from jsonb_to_recordset($2::jsonb) as n(alert_id bigint, market_id text)
  where n.alert_id = m.alert_id and n.market_id = m.market_id)`

export const joinMarkets = async (client: PoolClient, concerned: Concerned[]): Promise<void> => {
  if (concerned.length > 0) await client.query(JOIN, [toJson(concerned)])
}

/** Those of these alerts that are no longer concerned. */
export const leaveMarkets = async (client: PoolClient, concerned: Concerned[], alertIds: string[]): Promise<void> => {
  if (alertIds.length > 0) await client.query(LEAVE, [alertIds, toJson(concerned)])
}

/** What a market's workflow has not been told. */
export type Untold = {
  alertId: string
  marketId: string
  state: 'raised' | 'recovered'
  reason: string
  atTimeMs: number
}

const UNTOLD = `
select m.alert_id as "alertId", m.market_id as "marketId", a.reason,
  case when m.told_raised_at is null then 'raised' else 'recovered' end as state,
  round(extract(epoch from case when m.told_raised_at is null then m.joined_at else m.left_at end) * 1000)::float8 as "atTimeMs"
from feed_alert_markets m join feed_alerts a using (alert_id)
where ((m.told_raised_at is null and m.left_at is null)
  or (m.told_raised_at is not null and m.left_at is not null and m.told_recovered_at is null))
  and m.market_id <> all($2)
order by m.alert_id, m.market_id limit $1`

const TOLD = `
update feed_alert_markets m set
  told_raised_at = case when n.state = 'raised' then now() else m.told_raised_at end,
  told_recovered_at = case when n.state = 'recovered' then now() else m.told_recovered_at end
from jsonb_to_recordset($1::jsonb) as n("alertId" bigint, "marketId" text, state text)
where m.alert_id = n."alertId" and m.market_id = n."marketId"`

/** Of others than these. One that was never told of an alert is not told that it is over. */
export const readUntold = async (pool: Pool, limit: number, withoutIds: string[] = []): Promise<Untold[]> =>
  (await pool.query<Untold>(UNTOLD, [limit, withoutIds])).rows

export const markTold = async (pool: Pool, told: Untold[]): Promise<void> => {
  await pool.query(TOLD, [toJson(told)])
}
