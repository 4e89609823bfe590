import type { AlertRow, AlertStateRow } from '../alerts/journal.ts'
import { instant } from './instant.ts'
import { toJson } from './json.ts'
import type { StatementTarget } from './script.ts'

/** In the order of their ids: rules of one market are written by one shard, and a fixed order is no deadlock. */
const STATES = `
insert into alert_states (alert_id, state, crossing, last_fired_at, changed_at)
select alert_id, state, crossing, last_fired_at, changed_at from jsonb_to_recordset($1::jsonb) as n(
  alert_id bigint, state text, crossing int, last_fired_at timestamptz, changed_at timestamptz) order by alert_id
on conflict (alert_id) do update set state = excluded.state, crossing = excluded.crossing,
  last_fired_at = excluded.last_fired_at, changed_at = excluded.changed_at
  where alert_states.crossing <= excluded.crossing`

/** Where rules stand after the frames of this transaction. */
export const writeAlertStates = async (client: StatementTarget, states: AlertStateRow[]): Promise<void> => {
  if (states.length === 0) return
  const rows = states.map(({ alertId, state, crossing, lastFiredTimeMs, changedTimeMs }) => ({
    alert_id: alertId,
    state,
    crossing,
    last_fired_at: instant(lastFiredTimeMs),
    changed_at: instant(changedTimeMs),
  }))
  await client.query(STATES, [toJson(rows)])
}

const EVENTS = `
insert into alert_events (alert_id, crossing, cause, user_id, market_id, outcome_id, condition, value, threshold, source_ts,
  captured_at, triggered_at, webhook_url)
select alert_id, crossing, cause, user_id, market_id, outcome_id, condition, value, threshold, source_ts, captured_at,
  triggered_at, webhook_url
from jsonb_to_recordset($1::jsonb) as n(
  alert_id bigint, crossing int, cause text, user_id text, market_id text, outcome_id text, condition text, value numeric,
  threshold numeric, source_ts timestamptz, captured_at timestamptz, triggered_at timestamptz, webhook_url text)
on conflict do nothing`

const EVENTS_A_STATEMENT = 5_000

const toRow = (event: AlertRow) => ({
  alert_id: event.alertId,
  crossing: event.crossing,
  cause: event.cause ?? null,
  user_id: event.userId,
  market_id: event.marketId,
  outcome_id: event.outcomeId ?? null,
  condition: event.condition,
  value: event.value ?? null,
  threshold: event.threshold ?? null,
  source_ts: instant(event.exchangeTimeMs),
  captured_at: instant(event.capturedTimeMs),
  triggered_at: instant(event.triggeredTimeMs),
  webhook_url: event.webhookUrl ?? null,
})

/** The crossings of this transaction, each once. */
export const writeAlertEvents = async (client: StatementTarget, events: AlertRow[]): Promise<void> => {
  for (let at = 0; at < events.length; at += EVENTS_A_STATEMENT) {
    await client.query(EVENTS, [toJson(events.slice(at, at + EVENTS_A_STATEMENT).map(toRow))])
  }
}
