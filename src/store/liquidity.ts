import type { LiquidityEvent } from '../domain/liquidity-event.ts'
import { instant } from './instant.ts'
import { toJson } from './json.ts'
import type { StatementTarget } from './script.ts'

const INSERT = `
insert into liquidity_events (market_id, outcome_id, type, side, amount, price, observed_at, source, identity, detail)
select market_id, outcome_id, type, side, amount, price, observed_at, source, identity, detail
from jsonb_to_recordset($1::jsonb) as n(
  market_id text, outcome_id text, type text, side text, amount numeric, price numeric, observed_at timestamptz, source text,
  identity text, detail jsonb)
on conflict do nothing`

const toRow = (event: LiquidityEvent) => ({
  market_id: event.marketId,
  outcome_id: event.outcomeId,
  type: event.type,
  side: event.side,
  amount: event.amountText,
  price: event.priceText,
  observed_at: instant(event.observedTimeMs),
  source: event.source,
  identity: event.identity,
  detail: event.detail,
})

/** Appends events, each once. The partitions of their days must be there. */
export const writeLiquidity = async (client: StatementTarget, events: LiquidityEvent[]): Promise<void> => {
  if (events.length > 0) await client.query(INSERT, [toJson(events.map(toRow))])
}
