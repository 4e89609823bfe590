import type { Pool } from 'pg'
import { copyBookRows } from '../../src/store/books.ts'
import { withClient } from '../../src/store/checkout.ts'
import { writeCheckpoints } from '../../src/store/checkpoints.ts'
import { ensurePartition } from '../../src/store/partitions.ts'
import type { History } from './as-of-history.ts'

const iso = (timeMs: number | undefined): string | null =>
  timeMs === undefined ? null : new Date(timeMs).toISOString()
const DAY_MS = 86_400_000

const GAPS = `
insert into feed_gaps (market_id, outcome_id, opened_at, detected_at, closed_at, reason, last_good_sequence,
  first_good_sequence, gap_sequence, detail, nothing_missed)
select * from jsonb_to_recordset($1::jsonb) as n(market_id text, outcome_id text, opened_at timestamptz,
  detected_at timestamptz, closed_at timestamptz, reason text, last_good_sequence bigint, first_good_sequence bigint,
  gap_sequence bigint, detail text, nothing_missed boolean)`

const PROOFS = `
insert into book_proofs (outcome_id, captured_at, sequence, state)
select * from jsonb_to_recordset($1::jsonb) as n(outcome_id text, captured_at timestamptz, sequence bigint, state text)`

const gapRows = ({ marketId, outcomeId, gaps }: History) =>
  gaps.map((gap) => ({
    market_id: marketId,
    outcome_id: outcomeId,
    opened_at: iso(gap.openedTimeMs),
    detected_at: iso(gap.detectedTimeMs),
    closed_at: iso(gap.closedTimeMs),
    reason: 'disconnect',
    last_good_sequence: gap.gapSequence - 1,
    first_good_sequence: gap.firstGoodSequence ?? null,
    gap_sequence: gap.gapSequence,
    detail: 'made up',
    nothing_missed: gap.nothingMissed,
  }))

const proofRows = ({ outcomeId, proofs }: History) =>
  proofs.map(({ capturedTimeMs, sequence, state }) => ({
    outcome_id: outcomeId,
    captured_at: iso(capturedTimeMs),
    sequence,
    state,
  }))

/** Rows and checkpoints through the store's own functions, the checkpoints in their order, so that they are pruned as ever. */
export const storeHistory = async (pool: Pool, history: History): Promise<void> => {
  const days = new Set(history.rows.map((row) => Math.floor(row.capturedTimeMs / DAY_MS)))
  for (const day of days) await ensurePartition(pool, day)
  await withClient(pool, async (client) => {
    await client.query('begin')
    await copyBookRows(client, history.lines)
    for (const checkpoint of history.checkpoints) await writeCheckpoints(client, [checkpoint])
    await client.query(GAPS, [JSON.stringify(gapRows(history))])
    await client.query(PROOFS, [JSON.stringify(proofRows(history))])
    await client.query('commit')
  })
}
