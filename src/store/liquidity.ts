import type { ClientBase } from 'pg'
import type { LiquidityEvent } from '../domain/liquidity-event.ts'
import { instant } from './instant.ts'
import type { Copy } from './copy.ts'
import { toJson } from './json.ts'
import { copyAll, type StatementTarget } from './script.ts'

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

const isOfLevel = ({ priceText }: LiquidityEvent): boolean => priceText !== undefined

const COLUMNS = 'market_id, outcome_id, type, side, amount, price, observed_at, source, identity'

const toLine = (event: LiquidityEvent): string =>
  `${event.marketId}\t${event.outcomeId}\t${event.type}\t${event.side}\t${event.amountText}\t${event.priceText}\t` +
  `${instant(event.observedTimeMs)}\t${event.source}\t${event.identity}\n`

/** What happened to levels: as many rows as `order_books`, and none that could be told twice. */
export const levelCopy = (events: LiquidityEvent[]): Copy => ({
  target: `liquidity_events (${COLUMNS})`,
  lines: events.filter(isOfLevel).map(toLine),
})

/** Appends all other events, each once. The partitions of their days must be there. */
export const writeHappenings = async (client: StatementTarget, events: LiquidityEvent[]): Promise<void> => {
  const others = events.filter((event) => !isOfLevel(event))
  if (others.length > 0) await client.query(INSERT, [toJson(others.map(toRow))])
}

export const writeLiquidity = async (client: ClientBase, events: LiquidityEvent[]): Promise<void> => {
  await copyAll(client, [levelCopy(events)])
  await writeHappenings(client, events)
}
