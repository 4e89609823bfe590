import type { Pool, PoolClient } from 'pg'
import type { OpenAlert, Plan } from '../heartbeats/episodes.ts'
import type { Step } from '../heartbeats/ladder.ts'
import type { AlertKind, Problem } from '../heartbeats/silence.ts'
import { withClient } from './checkout.ts'
import { joinMarkets, leaveMarkets } from './feed-alert-markets.ts'
import { toJson } from './json.ts'

/** An alert as this check leaves it open. `step`: what is to be tried now. */
export type Standing = { alertId: string; problem: Problem; step: Step | undefined }
export type Recorded = { raised: Standing[]; kept: Standing[]; recovered: OpenAlert[] }

export type Check = {
  /** What was looked at: alerts of other kinds stay as they are. */
  kinds: readonly AlertKind[]
  plan: (open: OpenAlert[]) => Plan
  /** Subject -> markets whose books may be wrong. */
  marketsOf: ReadonlyMap<string, string[]>
}

/** One check at a time, also where two control workers run one each. */
const LOCK = `select pg_advisory_xact_lock(hashtext('feed_alerts'))`

const OPEN = `
select alert_id as "alertId", subject, last_step as "lastStep" from feed_alerts
where recovered_at is null and kind = any($1)`

const RAISE = `
insert into feed_alerts (kind, subject, reason, detail, markets_count, last_step, stepped_at, steps_taken)
select kind, subject, reason, detail, markets_count, step, case when step is not null then now() end, (step is not null)::int
from jsonb_to_recordset($1::jsonb) as n(
  kind text, subject text, reason text, detail text, markets_count integer, step text)
returning alert_id, subject`

const KEEP = `
update feed_alerts a set reason = n.reason, detail = n.detail, markets_count = n.markets_count,
  last_step = coalesce(n.step, a.last_step),
  stepped_at = case when n.step is null then a.stepped_at else now() end,
  steps_taken = a.steps_taken + (n.step is not null)::int
from jsonb_to_recordset($1::jsonb) as n(
  alert_id bigint, reason text, detail text, markets_count integer, step text)
where a.alert_id = n.alert_id`

const RECOVER = `update feed_alerts set recovered_at = now() where alert_id = any($1::bigint[]) and recovered_at is null`

const NOTICES = `
insert into feed_alert_notices (alert_id, state)
select alert_id, state from jsonb_to_recordset($1::jsonb) as n(alert_id bigint, state text)
on conflict do nothing`

type Planned = { problem: Problem; step: Step | undefined }

const rowOf = ({ problem, step }: Planned, { marketsOf }: Check) => ({
  kind: problem.kind,
  subject: problem.subject,
  reason: problem.reason,
  detail: problem.detail,
  markets_count: marketsOf.get(problem.subject)?.length ?? 0,
  step: step ?? null,
})

const raise = async (client: PoolClient, planned: Planned[], check: Check): Promise<Standing[]> => {
  if (planned.length === 0) return []
  const rows = planned.map((one) => rowOf(one, check))
  const result = await client.query<{ alert_id: string; subject: string }>(RAISE, [toJson(rows)])
  const ids = new Map(result.rows.map((row) => [row.subject, row.alert_id]))
  return planned.map((one) => ({ ...one, alertId: ids.get(one.problem.subject) ?? '' }))
}

const keep = async (client: PoolClient, kept: Standing[], check: Check): Promise<void> => {
  if (kept.length === 0) return
  const rows = kept.map((one) => ({ ...rowOf(one, check), alert_id: one.alertId }))
  await client.query(KEEP, [toJson(rows)])
}

const noticesOf = ({ raised, kept, recovered }: Recorded): { alert_id: string; state: string }[] => [
  ...raised.map(({ alertId }) => ({ alert_id: alertId, state: 'raised' })),
  ...kept.filter(({ step }) => step === 'page').map(({ alertId }) => ({ alert_id: alertId, state: 'paged' })),
  ...recovered.map(({ alertId }) => ({ alert_id: alertId, state: 'recovered' })),
]

const record = async (client: PoolClient, check: Check): Promise<Recorded> => {
  await client.query(LOCK)
  const open = await client.query<{ alertId: string; subject: string; lastStep: Step | null }>(OPEN, [check.kinds])
  const plan = check.plan(open.rows.map((row) => ({ ...row, lastStep: row.lastStep ?? undefined })))
  const { kept, recovered } = plan
  const recorded = { raised: await raise(client, plan.raised, check), kept, recovered }
  await keep(client, kept, check)
  const recoveredIds = recovered.map(({ alertId }) => alertId)
  if (recovered.length > 0) await client.query(RECOVER, [recoveredIds])
  const notices = noticesOf(recorded)
  if (notices.length > 0) await client.query(NOTICES, [toJson(notices)])
  const standing = [...recorded.raised, ...kept]
  const concerned = standing.flatMap(({ alertId, problem }) =>
    (check.marketsOf.get(problem.subject) ?? []).map((marketId) => ({ alert_id: alertId, market_id: marketId })),
  )
  await joinMarkets(client, concerned)
  await leaveMarkets(client, concerned, [...standing.map(({ alertId }) => alertId), ...recoveredIds])
  return recorded
}

/** Opens, keeps and closes alerts as planned, with their notices and markets, in one transaction. */
export const recordCheck = (pool: Pool, check: Check): Promise<Recorded> =>
  withClient(pool, async (client) => {
    try {
      await client.query(`begin; set local lock_timeout = '5s'; set local statement_timeout = '5s'`)
      const recorded = await record(client, check)
      await client.query('commit')
      return recorded
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  })

const OPEN_BY_KIND = `select kind, count(*)::int as count from feed_alerts where recovered_at is null group by kind`

/** Kind -> alerts that have not recovered; kinds without one are absent. */
export const countOpenByKind = async (pool: Pool): Promise<Map<string, number>> => {
  const { rows } = await pool.query<{ kind: string; count: number }>(OPEN_BY_KIND)
  return new Map(rows.map(({ kind, count }) => [kind, count]))
}
