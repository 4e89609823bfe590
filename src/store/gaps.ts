import type { GapClosed, GapOpened } from '../normalizer/batch.ts'
import { instant } from './instant.ts'
import { toJson } from './json.ts'
import type { StatementTarget } from './script.ts'

const OPEN = `
insert into feed_gaps (market_id, outcome_id, opened_at, detected_at, reason, last_good_sequence, gap_sequence, detail)
select * from jsonb_to_recordset($1::jsonb) as n(
  market_id text, outcome_id text, opened_at timestamptz, detected_at timestamptz, reason text, last_good_sequence bigint, gap_sequence bigint,
  detail text)`

const CLOSE = `
update feed_gaps g set closed_at = n.closed_at, first_good_sequence = n.first_good_sequence,
  nothing_missed = n.nothing_missed,
  detail = case when n.nothing_missed then g.detail || '; nothing was missed: the next hash equals the last proved one'
    else g.detail end
from jsonb_to_recordset($1::jsonb) as n(
  outcome_id text, gap_sequence bigint, closed_at timestamptz, first_good_sequence bigint, nothing_missed boolean)
where g.outcome_id = n.outcome_id and g.gap_sequence = n.gap_sequence and g.closed_at is null`

/** Records gaps that a batch opened, then those that it closed (one may be both). */
export const writeGaps = async (client: StatementTarget, opened: GapOpened[], closed: GapClosed[]): Promise<void> => {
  if (opened.length > 0) {
    const rows = opened.map((gap) => ({
      market_id: gap.marketId,
      outcome_id: gap.outcomeId,
      opened_at: instant(gap.openedTimeMs),
      detected_at: instant(gap.detectedTimeMs),
      reason: gap.reason,
      last_good_sequence: gap.lastGoodSequence,
      gap_sequence: gap.gapSequence,
      detail: gap.detail,
    }))
    await client.query(OPEN, [toJson(rows)])
  }
  if (closed.length === 0) return
  const rows = closed.map((gap) => ({
    outcome_id: gap.outcomeId,
    gap_sequence: gap.gapSequence,
    closed_at: instant(gap.closedTimeMs),
    first_good_sequence: gap.firstGoodSequence,
    nothing_missed: gap.isNothingMissed,
  }))
  await client.query(CLOSE, [toJson(rows)])
}
