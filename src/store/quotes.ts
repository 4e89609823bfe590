import { instant } from './instant.ts'
import type { QuoteRow } from '../normalizer/batch.ts'
import type { StatementTarget } from './script.ts'

const UPSERT = `
insert into quotes_live (market_id, bid_price, bid_size, ask_price, ask_size, sequence, verified_sequence, state, source_ts,
  updated_at)
select * from jsonb_to_recordset($1::jsonb) as n(
  market_id text, bid_price numeric, bid_size numeric, ask_price numeric, ask_size numeric, sequence bigint,
  verified_sequence bigint, state text, source_ts timestamptz, updated_at timestamptz)
order by market_id
on conflict (market_id) do update set
  bid_price = excluded.bid_price, bid_size = excluded.bid_size, ask_price = excluded.ask_price,
  ask_size = excluded.ask_size, sequence = excluded.sequence, verified_sequence = excluded.verified_sequence, state = excluded.state, source_ts = excluded.source_ts,
  updated_at = excluded.updated_at`

/** Best prices of the markets that changed in a batch. */
export const writeQuotes = async (client: StatementTarget, quotes: QuoteRow[]): Promise<void> => {
  if (quotes.length === 0) return
  const rows = quotes.map((quote) => ({
    market_id: quote.marketId,
    bid_price: quote.bid?.priceText ?? null,
    bid_size: quote.bid?.sizeText ?? null,
    ask_price: quote.ask?.priceText ?? null,
    ask_size: quote.ask?.sizeText ?? null,
    sequence: quote.sequence,
    verified_sequence: quote.verifiedSequence ?? null,
    state: quote.state,
    source_ts: instant(quote.exchangeTimeMs),
    updated_at: instant(quote.updatedTimeMs),
  }))
  await client.query(UPSERT, [JSON.stringify(rows)])
}
