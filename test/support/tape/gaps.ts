import type pg from 'pg'
import { z } from 'zod'

const instant = z.string().transform((text) => Date.parse(text))
const row = z.object({
  outcome_id: z.string(),
  reason: z.string(),
  detail: z.string(),
  opened_at: instant,
  detected_at: instant.optional(),
  closed_at: instant.nullable(),
  nothing_missed: z.boolean().default(false),
  last_good_sequence: z.number(),
  first_good_sequence: z.number().nullable(),
  gap_sequence: z.number(),
})

/** A row of `feed_gaps`. Times are epoch ms; an open gap closes at Infinity. */
export type RecordedGap = {
  outcomeId: string
  reason: string
  detail: string
  openedMs: number
  detectedMs: number
  closedMs: number
  nothingMissed: boolean
  lastGoodSequence: number
  firstGoodSequence: number | undefined
  gapSequence: number
}

/** By outcome, in order. */
export const readRecordedGaps = async (pool: pg.Pool): Promise<Map<string, RecordedGap[]>> => {
  const result = await pool.query<{ gap: unknown }>(
    'select to_jsonb(g) as gap from feed_gaps g order by outcome_id, gap_sequence',
  )
  const gaps = new Map<string, RecordedGap[]>()
  for (const { gap } of result.rows) {
    const found = row.parse(gap)
    const list = gaps.get(found.outcome_id) ?? []
    gaps.set(found.outcome_id, list)
    list.push({
      outcomeId: found.outcome_id,
      reason: found.reason,
      detail: found.detail,
      openedMs: found.opened_at,
      detectedMs: found.detected_at ?? found.opened_at,
      closedMs: found.closed_at ?? Infinity,
      nothingMissed: found.nothing_missed,
      lastGoodSequence: found.last_good_sequence,
      firstGoodSequence: found.first_good_sequence ?? undefined,
      gapSequence: found.gap_sequence,
    })
  }
  return gaps
}
