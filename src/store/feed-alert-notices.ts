import type { Pool } from 'pg'

/** What people are told of an alert: as it stood when it was due. */
export type Notice = {
  alertId: string
  state: 'raised' | 'paged' | 'recovered'
  kind: string
  subject: string
  reason: string
  detail: string
  raisedAt: string
  recoveredAt: string | null
  markets: number
  lastStep: string | null
}

/**
 * In order within an alert: a receiver never hears of a recovery before the alert. One whose workflow was terminated stops
 * the rest for a day and an hour, and is given up itself a day later.
 */
const DUE = `
select n.alert_id as "alertId", n.state, a.kind, a.subject, a.reason, a.detail, a.markets_count as markets,
  a.last_step as "lastStep",
  to_char(a.raised_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "raisedAt",
  to_char(a.recovered_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "recoveredAt"
from feed_alert_notices n join feed_alerts a using (alert_id)
where n.started_at is null and n.delivered_at is null and n.gave_up_at is null and not exists (
  select from feed_alert_notices e
  where e.alert_id = n.alert_id and e.delivered_at is null and e.gave_up_at is null
    and array_position(array['raised', 'paged', 'recovered'], e.state) < array_position(array['raised', 'paged', 'recovered'], n.state)
    and coalesce(e.started_at, e.due_at) > now() - interval '25 hours')
  and n.due_at > now() - interval '50 hours'
order by n.due_at, n.alert_id limit $1`

export const readDueNotices = async (pool: Pool, limit: number): Promise<Notice[]> =>
  (await pool.query<Notice>(DUE, [limit])).rows

type Key = Pick<Notice, 'alertId' | 'state'>

/** Whether this is the first time. */
export const markStarted = async (pool: Pool, { alertId, state }: Key): Promise<boolean> => {
  const sql = `update feed_alert_notices set started_at = now() where alert_id = $1 and state = $2 and started_at is null`
  return (await pool.query(sql, [alertId, state])).rowCount === 1
}

export const isDelivered = async (pool: Pool, { alertId, state }: Key): Promise<boolean> => {
  const sql = `select from feed_alert_notices where alert_id = $1 and state = $2 and delivered_at is not null`
  return (await pool.query(sql, [alertId, state])).rowCount === 1
}

export const markDelivered = async (pool: Pool, { alertId, state }: Key): Promise<void> => {
  const sql = `update feed_alert_notices set delivered_at = coalesce(delivered_at, now()) where alert_id = $1 and state = $2`
  await pool.query(sql, [alertId, state])
}

export const markGivenUp = async (pool: Pool, { alertId, state }: Key): Promise<void> => {
  const sql = `update feed_alert_notices set gave_up_at = now() where alert_id = $1 and state = $2 and delivered_at is null`
  await pool.query(sql, [alertId, state])
}
