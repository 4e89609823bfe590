import type { Pool } from 'pg'
import { instant } from './instant.ts'
import { toJson } from './json.ts'

const INSERT = `
insert into liquidity_events (market_id, type, amount, observed_at, source, identity)
select g.market_id, 'liquidity_sampled', g.amount, $2::timestamptz, 'gamma', ''
from jsonb_to_recordset($1::jsonb) as g(market_id text, amount numeric(24, 6))
join ingestion_offsets o on o.stream = 'orderbook:' || g.market_id and o.progress ->> 'subscription' = 'active'
left join lateral (
  select e.amount from liquidity_events e
  where e.type = 'liquidity_sampled' and e.market_id = g.market_id and e.observed_at <= $2
    and e.observed_at > $2::timestamptz - interval '1 hour'
  order by e.observed_at desc limit 1
) last on true
where last.amount is distinct from g.amount
on conflict do nothing`

/**
 * Stores what Gamma says of the liquidity of markets that are recorded: where it is not what the newest sample says, and
 * once an hour. With a refresh a minute these are 24 to 1,440 rows a market and day. Returns how many were stored.
 */
export const writeLiquiditySamples = async (
  pool: Pool,
  samples: { marketId: string; amountText: string }[],
  observedTimeMs: number,
): Promise<number> => {
  if (samples.length === 0) return 0
  const rows = samples.map(({ marketId, amountText }) => ({ market_id: marketId, amount: amountText }))
  const result = await pool.query(INSERT, [toJson(rows), instant(observedTimeMs)])
  return result.rowCount ?? 0
}
