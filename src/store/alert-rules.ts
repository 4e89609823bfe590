import type { Pool } from 'pg'
import type { RuleRow, Standing } from '../alerts/rule.ts'
import { marketOfStream, orderbookStream } from '../domain/keys.ts'
import { toJson } from './json.ts'

/** A rule as it is written, with where it stands as committed, and what was said of it last. */
export type StoredRule = {
  row: RuleRow
  standing: Standing
  changedXid: string
  isChecked: boolean
  invalidReason: string | null
}

type Stored = RuleRow & {
  state: Standing['state']
  crossing: number
  lastFiredTimeMs: number | null
  changedXid: string
  isChecked: boolean
  invalidReason: string | null
}

const COLUMNS = `
select a.alert_id as "alertId", a.user_id as "userId", a.market_id as "marketId", a.outcome_index as "outcomeIndex", a.condition,
  a.threshold, round(extract(epoch from a."window") * 1000)::float8 as "windowMs", a.side, a.within, a.hysteresis,
  round(extract(epoch from a.cooldown) * 1000)::float8 as "cooldownMs", a.webhook_url as "webhookUrl", a.status,
  a.changed_xid as "changedXid", a.checked_at is not null as "isChecked", a.invalid_reason as "invalidReason",
  coalesce(s.state, 'armed') as state, coalesce(s.crossing, 0) as crossing,
  (extract(epoch from s.last_fired_at) * 1000)::float8 as "lastFiredTimeMs"
from alerts a left join alert_states s using (alert_id)`

const toRule = (stored: Stored): StoredRule => {
  const { state, crossing, lastFiredTimeMs, changedXid, isChecked, invalidReason, ...row } = stored
  const standing = { state, crossing, lastFiredTimeMs: lastFiredTimeMs ?? undefined }
  return { row, standing, changedXid, isChecked, invalidReason }
}

/** All rules of these markets, paused and invalid ones too. */
export const readRulesOf = async (pool: Pool, marketIds: string[]): Promise<StoredRule[]> => {
  const sql = `${COLUMNS} where a.market_id = any($1) order by a.alert_id`
  return (await pool.query<Stored>(sql, [marketIds])).rows.map(toRule)
}

/** Markets whose streams are applied by a normalizer: it takes their rules up, soon or late. */
export const readRecorded = async (pool: Pool, marketIds: string[]): Promise<Set<string>> => {
  const sql = `select stream from ingestion_offsets where stream = any($1)
    and progress ->> 'isClosed' is distinct from 'true'`
  const streams = marketIds.map(orderbookStream)
  const { rows } = await pool.query<{ stream: string }>(sql, [streams])
  return new Set(rows.flatMap(({ stream }) => marketOfStream(stream) ?? []))
}

/** Rules that nobody took up though they were written some time ago, by id after this one. */
export const readUntaken = async (pool: Pool, afterId: string, limit: number): Promise<StoredRule[]> => {
  const sql = `${COLUMNS} where a.checked_at is null and a.changed_at < now() - interval '5 s' and a.alert_id > $1
    order by a.alert_id limit $2`
  return (await pool.query<Stored>(sql, [afterId, limit])).rows.map(toRule)
}

/**
 * Transactions before the horizon have ended: what any later one changes is found by asking from here on. A time would
 * miss a row that was written early and committed late.
 */
export const readHorizon = async (pool: Pool): Promise<string> => {
  const sql = 'select pg_snapshot_xmin(pg_current_snapshot())::text as horizon'
  return (await pool.query<{ horizon: string }>(sql)).rows[0]?.horizon ?? '0'
}

const CHANGED = `${COLUMNS} where a.changed_xid >= $1::xid8 and a.alert_id > $2 order by a.alert_id limit $3`
const REMOVED = `select alert_id from alert_removals where changed_xid >= $1::xid8 and alert_id > $2 order by alert_id limit $3`
const PAGE = 2_000

const readPages = async <T>(readPage: (afterId: string) => Promise<T[]>, idOf: (item: T) => string): Promise<T[]> => {
  const all: T[] = []
  for (;;) {
    const last = all.at(-1)
    const page = await readPage(last === undefined ? '0' : idOf(last))
    all.push(...page)
    if (page.length < PAGE) return all
  }
}

/** Rules that were written, and ids of those that were deleted, since a horizon. Some may be known already. */
export const readRuleChanges = async (
  pool: Pool,
  horizon: string,
): Promise<{ written: StoredRule[]; removedIds: string[] }> => {
  const stored = await readPages(
    async (afterId) => (await pool.query<Stored>(CHANGED, [horizon, afterId, PAGE])).rows,
    ({ alertId }) => alertId,
  )
  const removed = await readPages(
    async (afterId) => (await pool.query<{ alert_id: string }>(REMOVED, [horizon, afterId, PAGE])).rows,
    ({ alert_id: alertId }) => alertId,
  )
  return { written: stored.map(toRule), removedIds: removed.map(({ alert_id: alertId }) => alertId) }
}

/** What was found of a rule as it was written by that transaction. `isTaken`: it is evaluated, or would be if it were valid. */
export type Mark = { alertId: string; changedXid: string; reason: string | undefined; isTaken: boolean }

/** A row that a user holds is left to the next time, and one that was written again to that news. */
const MARK = `
with n as (
  select * from jsonb_to_recordset($1::jsonb) as n(alert_id bigint, changed_xid text, reason text, is_taken boolean)
), free as (
  select a.alert_id from alerts a join n using (alert_id) where a.changed_xid = n.changed_xid::xid8 for update of a skip locked
)
update alerts a set invalid_reason = n.reason, checked_at = case when n.is_taken then now() end
from n join free using (alert_id) where a.alert_id = n.alert_id returning a.alert_id as "alertId"`

/** Answers which were marked. */
export const markRules = async (pool: Pool, marks: Mark[]): Promise<string[]> => {
  if (marks.length === 0) return []
  const rows = marks.map(({ alertId, changedXid, reason, isTaken }) => ({
    alert_id: alertId,
    changed_xid: changedXid,
    reason: reason ?? null,
    is_taken: isTaken,
  }))
  const marked = await pool.query<{ alertId: string }>(MARK, [toJson(rows)])
  return marked.rows.map(({ alertId }) => alertId)
}

/** Their market is recorded no more: nobody evaluates them. */
export const releaseRules = async (pool: Pool, alertIds: string[]): Promise<void> => {
  const sql = `update alerts set checked_at = null where alert_id in (
    select alert_id from alerts where alert_id = any($1::bigint[]) for update skip locked)`
  if (alertIds.length > 0) await pool.query(sql, [alertIds])
}

const RECENT = `
select outcome_id as "outcomeId", cause from alert_events
where market_id = any($1) and cause is not null and recorded_at > now() - interval '10 minutes' order by event_id`

/** Fills for which rules of these markets fired lately: a copy of one may still come. */
export const readRecentCauses = async (
  pool: Pool,
  marketIds: string[],
): Promise<{ outcomeId: string; cause: string }[]> =>
  (await pool.query<{ outcomeId: string; cause: string }>(RECENT, [marketIds])).rows
