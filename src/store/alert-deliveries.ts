import type { Pool } from 'pg'
import type { AlertEvent } from '../domain/alert.ts'

/** A crossing to be delivered. */
export type Delivery = { eventId: string; webhookUrl: string | undefined; event: AlertEvent }

type Row = {
  eventId: string
  webhookUrl: string | null
  alertId: string
  crossing: number
  userId: string
  marketId: string
  outcomeId: string | null
  condition: string
  value: string | null
  threshold: string | null
  exchangeTimeMs: number | null
  capturedTimeMs: number
  triggeredTimeMs: number
}

const millisecondsOf = (column: string): string => `floor(extract(epoch from ${column}) * 1000)::float8`

const COLUMNS = `
e.event_id as "eventId", e.webhook_url as "webhookUrl", e.alert_id as "alertId", e.crossing, e.user_id as "userId",
e.market_id as "marketId", e.outcome_id as "outcomeId", e.condition, trim_scale(e.value)::text as value,
trim_scale(e.threshold)::text as threshold, ${millisecondsOf('e.source_ts')} as "exchangeTimeMs",
${millisecondsOf('e.captured_at')} as "capturedTimeMs", ${millisecondsOf('e.triggered_at')} as "triggeredTimeMs"`

const toDelivery = ({ eventId, webhookUrl, outcomeId, value, threshold, exchangeTimeMs, ...event }: Row): Delivery => ({
  eventId,
  webhookUrl: webhookUrl ?? undefined,
  event: {
    ...event,
    outcomeId: outcomeId ?? undefined,
    value: value ?? undefined,
    threshold: threshold ?? undefined,
    exchangeTimeMs: exchangeTimeMs ?? undefined,
  },
})

/** What the normalizer may not have told on the channel: it was killed after its commit, or Postgres fired it. */
const UNTOLD = `e.condition in ('resolved', 'feed_stale') or e.recorded_at < now() - interval '2 s'`

const LOGGED = `
update alert_events e set delivery = 'delivered', finished_at = now()
where event_id in (select event_id from alert_events where delivery = 'pending' and webhook_url is null
  order by event_id limit $1 for update skip locked)
returning ${COLUMNS}, ${UNTOLD} as "isUntold"`

/** Takes crossings that have no webhook: with the log line and the channel they are delivered. */
export const takeWithoutWebhook = async (pool: Pool, limit: number): Promise<(Delivery & { isUntold: boolean })[]> => {
  const { rows } = await pool.query<Row & { isUntold: boolean }>(LOGGED, [limit])
  return rows.map(({ isUntold, ...row }) => ({ ...toDelivery(row), isUntold }))
}

/** Hosts that one round asks for: a step of the index each. */
const MOST_HOSTS = 5_000

/**
 * The oldest first, but of one host no more than it has room for, and of each host by itself: one that does not answer
 * holds up no other, however much waits for it. `$2`: open ones a host, `$3`: open ones in all. A row that somebody has
 * locked is left to the next time.
 */
const DUE = `
with recursive hosts as (
  (select webhook_host, 1 as place from alert_events where delivery = 'pending' and webhook_host is not null
    order by webhook_host limit 1)
  union all
  select (select e.webhook_host from alert_events e where e.delivery = 'pending' and e.webhook_host > h.webhook_host
    order by e.webhook_host limit 1), h.place + 1
  from hosts h where h.webhook_host is not null and h.place < ${MOST_HOSTS}
), open as (
  select webhook_host, count(*)::int as open from alert_events where delivery = 'started' group by webhook_host
), waiting as (
  select w.event_id from hosts h left join open o using (webhook_host) cross join lateral (
    select event_id from alert_events where delivery = 'pending' and webhook_host = h.webhook_host
    order by event_id limit greatest($2 - coalesce(o.open, 0), 0)) w
  order by w.event_id limit $3
)
select ${COLUMNS}, ${UNTOLD} as "isUntold" from alert_events e
where event_id = any(array(select event_id from waiting)) order by e.event_id
limit least($1, greatest($3 - (select coalesce(sum(open), 0) from open), 0)) for update of e skip locked`

export type Room = { aRound: number; aHost: number; inAll: number }

/** Crossings whose delivery is to be started now. */
export const readDueDeliveries = async (pool: Pool, room: Room): Promise<(Delivery & { isUntold: boolean })[]> => {
  const { rows } = await pool.query<Row & { isUntold: boolean }>(DUE, [room.aRound, room.aHost, room.inAll])
  return rows.map(({ isUntold, ...row }) => ({ ...toDelivery(row), isUntold }))
}

/** One that its workflow has delivered already stays so. */
const STARTED = `
update alert_events set delivery = case delivery when 'pending' then 'started' else delivery end, started_at = now()
where event_id in (select event_id from alert_events
  where event_id = $1 and (delivery = 'pending' or started_at is null) for update skip locked)`

/** Its workflow runs, or has run. True where nobody had noted it. A row that somebody has locked is noted in a later round. */
export const markDeliveryStarted = async (pool: Pool, eventId: string): Promise<boolean> =>
  (await pool.query(STARTED, [eventId])).rowCount === 1

/** Undefined where it is delivered or given up, or there is no such row. */
export const readOpenDelivery = async (pool: Pool, eventId: string): Promise<Delivery | undefined> => {
  const sql = `select ${COLUMNS} from alert_events e where event_id = $1 and delivery in ('pending', 'started')`
  const [row] = (await pool.query<Row>(sql, [eventId])).rows
  return row === undefined ? undefined : toDelivery(row)
}

/** One more attempt, and what came of it; undefined: the receiver took it. */
export const noteAttempt = async (pool: Pool, eventId: string, error: string | undefined): Promise<void> => {
  const sql = `
    update alert_events set attempts = attempts + 1, last_error = coalesce($2, last_error),
      delivery = case when $2::text is null then 'delivered' else delivery end,
      finished_at = case when $2::text is null then now() else finished_at end
    where event_id = $1 and delivery in ('pending', 'started')`
  await pool.query(sql, [eventId, error ?? null])
}

/** `reason` where no attempt left a better one. */
export const markDeliveryGivenUp = async (pool: Pool, eventId: string, reason: string): Promise<void> => {
  const sql = `
    update alert_events set delivery = 'given_up', finished_at = now(), last_error = coalesce(last_error, $2)
    where event_id = $1 and delivery in ('pending', 'started')`
  await pool.query(sql, [eventId, reason])
}

const EXPIRE = `
update alert_events set delivery = 'given_up', finished_at = now(), last_error = coalesce(last_error, case delivery
  when 'pending' then 'it waited for an hour: its webhook was too slow for what it was sent'
  else 'its workflow ended without a word' end)
where event_id in (select event_id from alert_events
  where (delivery = 'pending' and recorded_at < now() - interval '1 hour')
    or (delivery = 'started' and started_at < now() - interval '2 hours')
  limit 1000 for update skip locked)`

/** Gives up what waited too long to be of use. Answers how many. */
export const expireDeliveries = async (pool: Pool): Promise<number> => (await pool.query(EXPIRE)).rowCount ?? 0

const PRUNE = `
with removals as (
  delete from alert_removals where alert_id in (
    select alert_id from alert_removals where removed_at < now() - interval '7 days' limit 1000)
)
delete from alert_states where alert_id in (
  select s.alert_id from alert_states s join alert_removals r using (alert_id)
  where r.removed_at between now() - interval '7 days' and now() - interval '1 day' limit 1000)`

/** What is left of rules that were deleted. */
export const pruneAlerts = async (pool: Pool): Promise<void> => {
  await pool.query(PRUNE)
}
