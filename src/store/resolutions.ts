import type { ClientBase, Pool } from 'pg'
import type { Market, MarketEnd } from '../domain/market.ts'
import type { ResolvedRow } from '../normalizer/batch.ts'
import { instant } from './instant.ts'
import { toJson } from './json.ts'

const BROADCAST = `
with told as (
  select * from jsonb_to_recordset($1::jsonb) as n(market_id text, resolved_at timestamptz, winning_token text)
), resolved as (
  update markets m set status = 'resolved', resolved_at = coalesce(m.resolved_at, n.resolved_at),
    resolution_source = coalesce(m.resolution_source, 'market_resolved'), updated_at = now()
  from told n where m.market_id = n.market_id
  returning m.market_id, m.resolution_source, n.winning_token
)
update outcomes o set payout = case o.tokens when r.winning_token then 1 else 0 end
from resolved r
where o.market_id = r.market_id and r.resolution_source = 'market_resolved'
  and exists (select from outcomes w where w.market_id = r.market_id and w.tokens = r.winning_token)`

/**
 * Marks markets as resolved at the venue's time, the winner's payout 1 until Gamma says what it is. Where no outcome is
 * the winner the payouts wait for Gamma; markets without a row are left to the next refresh of the catalogue.
 */
export const writeResolved = async (client: ClientBase, resolved: ResolvedRow[]): Promise<void> => {
  if (resolved.length === 0) return
  const rows = resolved.map(({ marketId, exchangeTimeMs, winningToken }) => ({
    market_id: marketId,
    resolved_at: instant(exchangeTimeMs),
    winning_token: winningToken,
  }))
  await client.query(BROADCAST, [toJson(rows)])
}

const MARK_FINAL = `
update markets m set resolved_at = coalesce(m.resolved_at, n.resolved_at, now()), resolution_source = 'gamma'
from jsonb_to_recordset($1::jsonb) as n(market_id text, resolved_at timestamptz) where m.market_id = n.market_id`

const PAY = `
update outcomes o set payout = n.payout
from jsonb_to_recordset($1::jsonb) as n(outcome_id text, payout numeric) where o.outcome_id = n.outcome_id`

/** The final payouts, of those markets for which the catalogue has them: Gamma's word stands above the broadcast's. */
export const writePayouts = async (client: ClientBase, markets: Market[]): Promise<void> => {
  const final = markets.flatMap(({ marketId, outcomes, resolution }) =>
    resolution === undefined ? [] : [{ marketId, outcomes, resolution }],
  )
  if (final.length === 0) return
  const marked = final.map(({ marketId, resolution }) => ({
    market_id: marketId,
    resolved_at: instant(resolution.resolvedTimeMs),
  }))
  const paid = final.flatMap(({ outcomes, resolution }) =>
    outcomes.map(({ outcomeId }, index) => ({ outcome_id: outcomeId, payout: resolution.payouts[index] })),
  )
  await client.query(MARK_FINAL, [toJson(marked)])
  await client.query(PAY, [toJson(paid)])
}

/** Those of the markets that are resolved. */
export const findResolved = async (pool: Pool, marketIds: string[]): Promise<string[]> => {
  if (marketIds.length === 0) return []
  const { rows } = await pool.query<{ market_id: string }>(
    `select market_id from markets where status = 'resolved' and market_id = any($1)`,
    [marketIds],
  )
  return rows.map((row) => row.market_id)
}

/** A market whose payouts are not final. `isResolved`: by the broadcast; `sequence` and `depth`: of its stream. */
export type Unsettled = { marketId: string; conditionId: string; isResolved: boolean; sequence: number; depth: number }

/** A payout that Gamma has not named a month after the broadcast will not come: the broadcast's stands. */
const UNSETTLED = `
select m.market_id, m.condition_id, m.status, coalesce(o.sequence, 0)::int as sequence,
  coalesce((o.progress ->> 'depth')::int, 0) as depth
from markets m left join ingestion_offsets o on o.stream = 'orderbook:' || m.market_id
where m.market_id = any($1)
  or (m.resolution_source = 'market_resolved' and m.resolved_at > now() - interval '30 days')
order by m.market_id = any($1) desc, m.market_id limit 20000`

/** The running markets, then those whose payouts are only the broadcast's, as far as one poll goes. */
export const readUnsettled = async (pool: Pool, runningIds: string[]): Promise<Unsettled[]> => {
  type Row = { market_id: string; condition_id: string; status: string; sequence: number; depth: number }
  const { rows } = await pool.query<Row>(UNSETTLED, [runningIds])
  return rows.map((row) => ({
    marketId: row.market_id,
    conditionId: row.condition_id,
    isResolved: row.status === 'resolved',
    sequence: row.sequence,
    depth: row.depth,
  }))
}

const END = `
select m.resolved_at, array_agg(trim_scale(o.payout)::text order by split_part(o.outcome_id, ':', 2)::int) as payouts
from markets m join outcomes o using (market_id) where m.market_id = $1 group by m.resolved_at`

export const readEnd = async (pool: Pool, marketId: string): Promise<MarketEnd> => {
  const { rows } = await pool.query<{ resolved_at: Date | null; payouts: (string | null)[] }>(END, [marketId])
  return { resolvedAt: rows[0]?.resolved_at?.toISOString(), payouts: rows[0]?.payouts ?? [] }
}
