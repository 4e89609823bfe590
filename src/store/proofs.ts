import type { HourRow, ProofRow } from '../normalizer/batch.ts'
import { instant } from './instant.ts'
import type { StatementTarget } from './script.ts'

const INSERT_PROOFS = `
insert into book_proofs (outcome_id, captured_at, sequence, state)
select distinct on (outcome_id, captured_at) outcome_id, captured_at, sequence, state
from jsonb_to_recordset($1::jsonb) as n(
  position int, outcome_id text, captured_at timestamptz, sequence bigint, state text)
order by outcome_id, captured_at, position desc
on conflict (outcome_id, captured_at) do update set sequence = excluded.sequence, state = excluded.state`

/** Where the proof of an outcome's book changes its state; of several at one instant the last stands. */
export const writeProofs = async (client: StatementTarget, proofs: ProofRow[]): Promise<void> => {
  if (proofs.length === 0) return
  const rows = proofs.map((proof, position) => ({
    position,
    outcome_id: proof.outcomeId,
    captured_at: instant(proof.capturedTimeMs),
    sequence: proof.sequence,
    state: proof.state,
  }))
  await client.query(INSERT_PROOFS, [JSON.stringify(rows)])
}

const INSERT_HOURS = `
insert into market_hours (market_id, hour, events, batches_verified, batches_unverifiable, batches_mismatched)
select * from jsonb_to_recordset($1::jsonb) as n(
  market_id text, hour timestamptz, events bigint, batches_verified bigint, batches_unverifiable bigint,
  batches_mismatched bigint)
on conflict (market_id, hour) do update set events = excluded.events, batches_verified = excluded.batches_verified,
  batches_unverifiable = excluded.batches_unverifiable, batches_mismatched = excluded.batches_mismatched`

/** What was recorded in hours that have ended. */
export const writeHours = async (client: StatementTarget, hours: HourRow[]): Promise<void> => {
  if (hours.length === 0) return
  const rows = hours.map((hour) => ({
    market_id: hour.marketId,
    hour: instant(hour.startTimeMs),
    events: hour.events,
    batches_verified: hour.verified,
    batches_unverifiable: hour.unverifiable,
    batches_mismatched: hour.mismatched,
  }))
  await client.query(INSERT_HOURS, [JSON.stringify(rows)])
}
