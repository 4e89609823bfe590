import type { FillNews, FillSource } from '../domain/fill.ts'

/** `f` is the stored fill that `g` speaks of. Never true without a transaction hash. */
export const SAME_FILL = `f.tx_hash = g.tx_hash and f.outcome_id = g.outcome_id and f.side = g.side and f.price = g.price
    and f.size = g.size and f.ordinal = g.ordinal`

/** Columns of a written fill, as `toNews` reads them. */
export const RETURNED_FILL = `fill_id, market_id, outcome_id, side, trim_scale(price)::text as price,
  trim_scale(size)::text as size, tx_hash, ordinal, wallet, source, status, source_ts, captured_at, data_api_ts`

export type ReturnedFill = {
  fill_id: string
  market_id: string
  outcome_id: string
  side: 'buy' | 'sell'
  price: string
  size: string
  tx_hash: string | null
  ordinal: number
  wallet: string | null
  source: FillSource
  status: 'provisional' | 'confirmed'
  source_ts: Date
  captured_at: Date
  data_api_ts: Date | null
}

export const toNews = (row: ReturnedFill): FillNews => ({
  fillId: row.fill_id,
  marketId: row.market_id,
  outcomeId: row.outcome_id,
  side: row.side,
  priceText: row.price,
  sizeText: row.size,
  transactionHash: row.tx_hash ?? undefined,
  ordinal: row.ordinal,
  wallet: row.wallet ?? undefined,
  source: row.source,
  status: row.status,
  exchangeTimeMs: row.source_ts.getTime(),
  capturedTimeMs: row.captured_at.getTime(),
})
