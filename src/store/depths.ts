import type { Pool } from 'pg'
import type { DepthRow } from '../normalizer/batch.ts'
import { instant } from './instant.ts'
import type { StatementTarget } from './script.ts'

const INSERT = `
insert into book_depths (market_id, captured_at, depth)
select distinct on (market_id, captured_at) market_id, captured_at, depth
from jsonb_to_recordset($1::jsonb) as n(position int, market_id text, captured_at timestamptz, depth int)
order by market_id, captured_at, position desc
on conflict (market_id, captured_at) do update set depth = excluded.depth`

/** From when on how many levels are kept; of several changes at one instant the last stands. */
export const writeDepths = async (client: StatementTarget, depths: DepthRow[]): Promise<void> => {
  if (depths.length === 0) return
  const rows = depths.map(({ marketId, capturedTimeMs, depth }, position) => ({
    position,
    market_id: marketId,
    captured_at: instant(capturedTimeMs),
    depth,
  }))
  await client.query(INSERT, [JSON.stringify(rows)])
}

/** Levels a side of a market that are kept at an instant; 0 = all. */
export const readDepthAt = async (pool: Pool, marketId: string, atTimeMs: number): Promise<number> => {
  const sql = 'select book_depth_at($1, $2) as depth'
  const { rows } = await pool.query<{ depth: number }>(sql, [marketId, instant(atTimeMs)])
  return rows[0]?.depth ?? 0
}
