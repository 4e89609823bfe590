import type pg from 'pg'
import type { Ledger } from '../../src/emulator/ledger.ts'

/** A gap is found when the connection is missed, or a later batch does not hash. */
const FOUND_WITHIN_MS = 60_000

export type GapOf = { token: string; detectedTimeMs: number; reason: string; detail: string }

const GAPS = `
select o.tokens as token, extract(epoch from g.detected_at)::float8 * 1000 as "detectedTimeMs", g.reason, g.detail
from feed_gaps g join outcomes o using (outcome_id) order by g.gap_id`

export const readGapTimes = async (pool: pg.Pool): Promise<GapOf[]> => (await pool.query<GapOf>(GAPS)).rows

/** Gaps with no fault of their token and no connection that ended in the minute before. */
export const unexplainedGaps = (
  { faults, connections }: Pick<Ledger, 'faults' | 'connections'>,
  gaps: GapOf[],
): GapOf[] => {
  const isCause = (timeMs: number | undefined, { detectedTimeMs }: GapOf): boolean =>
    timeMs !== undefined && timeMs <= detectedTimeMs && detectedTimeMs - timeMs <= FOUND_WITHIN_MS
  return gaps.filter(
    (gap) =>
      !faults.some(({ timeMs, tokens }) => tokens.includes(gap.token) && isCause(timeMs, gap)) &&
      !connections.some(({ closedTimeMs }) => isCause(closedTimeMs, gap)),
  )
}
