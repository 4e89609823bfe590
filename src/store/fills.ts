import type { ClientBase } from 'pg'
import type { FillRow } from '../normalizer/batch.ts'
import { instant } from './instant.ts'
import { toJson } from './json.ts'

/**
 * The ordinal of a fill counts the equal ones before it: those stored already (by the unique key; a null transaction
 * hash needs a branch of its own to use the index) and those earlier in this batch.
 */
const INSERT = `
insert into fills (market_id, outcome_id, side, price, size, tx_hash, ordinal, source, captured_at, source_ts, source_received_at)
select n.market_id, n.outcome_id, n.side, n.price, n.size, n.tx_hash,
  coalesce(
    (select max(f.ordinal) + 1 from fills f where f.tx_hash = n.tx_hash and f.outcome_id = n.outcome_id
       and f.side = n.side and f.price = n.price and f.size = n.size),
    case when n.tx_hash is null then
      (select max(f.ordinal) + 1 from fills f where f.tx_hash is null and f.outcome_id = n.outcome_id
         and f.side = n.side and f.price = n.price and f.size = n.size) end,
    0) + row_number() over (partition by n.tx_hash, n.outcome_id, n.side, n.price, n.size order by n.position) - 1,
  'market_channel', n.captured_at, n.source_ts, n.source_received_at
from jsonb_to_recordset($1::jsonb) as n(
  position int, market_id text, outcome_id text, side text, price numeric(18, 6), size numeric(24, 6), tx_hash text,
  captured_at timestamptz, source_ts timestamptz, source_received_at timestamptz)
order by n.position`

/** Appends fills, every one of them: equal fills of one transaction are real and get ordinals. */
export const writeFills = async (client: ClientBase, fills: FillRow[]): Promise<void> => {
  if (fills.length === 0) return
  const rows = fills.map((fill, position) => ({
    position,
    market_id: fill.marketId,
    outcome_id: fill.outcomeId,
    side: fill.side,
    price: fill.priceText,
    size: fill.sizeText,
    tx_hash: fill.transactionHash ?? null,
    captured_at: instant(fill.capturedTimeMs),
    source_ts: instant(fill.exchangeTimeMs),
    source_received_at: instant(fill.sourceReceivedTimeMs),
  }))
  await client.query(INSERT, [toJson(rows)])
}
