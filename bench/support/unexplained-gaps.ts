import type pg from 'pg'
import type { Ledger } from '../../src/emulator/ledger.ts'

/** A gap is found when the connection is missed, or a later batch does not hash. */
const FOUND_WITHIN_MS = 60_000

/** Of the ledger. `byConnection` has every connection that was ever asked for the token. */
type Causes = Pick<Ledger, 'faults' | 'connections'> & {
  tokens: Pick<Ledger['tokens'][number], 'token' | 'byConnection'>[]
}

export type GapOf = { token: string; detectedTimeMs: number; reason: string; detail: string }

const GAPS = `
select o.tokens as token, extract(epoch from g.detected_at)::float8 * 1000 as "detectedTimeMs", g.reason, g.detail
from feed_gaps g join outcomes o using (outcome_id) order by g.gap_id`

export const readGapTimes = async (pool: pg.Pool): Promise<GapOf[]> => (await pool.query<GapOf>(GAPS)).rows

/** Gaps with no fault of their token and no end of a connection of it in the minute before. */
export const unexplainedGaps = ({ faults, connections, tokens }: Causes, gaps: GapOf[]): GapOf[] => {
  const connectionIds = new Map(tokens.map(({ token, byConnection }) => [token, new Set(Object.keys(byConnection))]))
  const isCause = (timeMs: number | undefined, { detectedTimeMs }: GapOf): boolean =>
    timeMs !== undefined && timeMs <= detectedTimeMs && detectedTimeMs - timeMs <= FOUND_WITHIN_MS
  return gaps.filter(
    (gap) =>
      !faults.some(({ timeMs, tokens }) => tokens.includes(gap.token) && isCause(timeMs, gap)) &&
      !connections.some(
        ({ id, closedTimeMs }) => connectionIds.get(gap.token)?.has(String(id)) === true && isCause(closedTimeMs, gap),
      ),
  )
}
