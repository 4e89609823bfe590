import type { Pool } from 'pg'
import type { FillIdentity } from '../normalizer/fill-key.ts'
import { instant } from './instant.ts'

type RecentFill = FillIdentity & { marketId: string; capturedTimeMs: number }

type Since = { marketId: string; sinceTimeMs: number }

/** Without a transaction hash the stored ordinal counts on over all times; that of the connection is the place at its time. */
const READ = `
select f.market_id, f.outcome_id, f.side, f.price::text, f.size::text, f.tx_hash, f.source_ts, f.captured_at,
  case when f.tx_hash is not null then f.ordinal
    else (row_number() over (partition by f.tx_hash is null, f.outcome_id, f.side, f.price, f.size, f.source_ts
      order by f.ordinal))::int - 1 end as ordinal
from jsonb_to_recordset($1::jsonb) as n(market_id text, since timestamptz)
join fills f on f.market_id = n.market_id and f.source_ts >= n.since and f.source <> 'data_api'
order by f.captured_at, f.fill_id`

type FillRecord = {
  market_id: string
  outcome_id: string
  side: 'buy' | 'sell'
  price: string
  size: string
  tx_hash: string | null
  source_ts: Date
  captured_at: Date
  ordinal: number
}

/** Fills that the market channel told of, of these markets since these times of the venue. */
export const readRecentFills = async (pool: Pool, markets: Since[]): Promise<RecentFill[]> => {
  const since = markets.map(({ marketId, sinceTimeMs }) => ({ market_id: marketId, since: instant(sinceTimeMs) }))
  const { rows } = await pool.query<FillRecord>(READ, [JSON.stringify(since)])
  return rows.map((row) => ({
    marketId: row.market_id,
    outcomeId: row.outcome_id,
    side: row.side,
    priceText: row.price,
    sizeText: row.size,
    transactionHash: row.tx_hash ?? undefined,
    exchangeTimeMs: row.source_ts.getTime(),
    capturedTimeMs: row.captured_at.getTime(),
    ordinal: row.ordinal,
  }))
}
