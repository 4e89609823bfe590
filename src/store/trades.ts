import type { ClientBase } from 'pg'
import type { FillNews } from '../domain/fill.ts'
import type { AttributedFill } from '../domain/trade.ts'
import type { Batch } from '../normalizer/batch.ts'
import type { TradeRow } from '../normalizer/trade-row.ts'
import { RETURNED_FILL, SAME_FILL, toNews, type ReturnedFill } from './fill-news.ts'
import { scriptFills } from './fills.ts'
import { instant } from './instant.ts'
import { toJson } from './json.ts'
import type { Script } from './script.ts'
import { outcomesOf, placeAmong, type Outcome, type Placed } from './trade-places.ts'

/**
 * Of several copies one that names the wallet is taken. Rows that would change nothing are left out before the insert:
 * `on conflict do update` locks, and so rewrites, also the rows that it then leaves alone, and most of what a poller reads
 * again is known.
 *
 * What is returned with a wallet had none before: a provisional row has none, and a confirmed one is only touched to get one.
 */
const MERGE = `
with given as (
  select distinct on (tx_hash, outcome_id, side, price, size, ordinal) o.market_id, o.outcome_id, g.*
  from jsonb_to_recordset($1::jsonb) as g(
    position int, token text, side text, price numeric(18, 6), size numeric(24, 6), tx_hash text, ordinal int,
    wallet text, data_api_ts timestamptz, captured_at timestamptz)
  join outcomes o on o.tokens = g.token
  order by tx_hash, outcome_id, side, price, size, ordinal, (wallet is null), position
)
insert into fills (market_id, outcome_id, side, price, size, tx_hash, ordinal, wallet, source, status, captured_at, source_ts,
  data_api_ts, confirmed_at)
select market_id, outcome_id, side, price, size, tx_hash, ordinal, wallet, 'data_api', 'confirmed', captured_at, data_api_ts,
  data_api_ts, captured_at
from given g
where (select f.fill_id from fills f where ${SAME_FILL} and f.status = 'confirmed'
  and (f.wallet is not null or g.wallet is null)) is null
order by tx_hash, outcome_id, side, price, size, ordinal
on conflict (tx_hash, outcome_id, side, price, size, ordinal) do update set
  source = case fills.source when 'market_channel' then 'both' else fills.source end, status = 'confirmed',
  wallet = excluded.wallet, data_api_ts = coalesce(fills.data_api_ts, excluded.data_api_ts),
  confirmed_at = coalesce(fills.confirmed_at, excluded.confirmed_at)
where fills.status = 'provisional' or (fills.wallet is null and excluded.wallet is not null)
returning ${RETURNED_FILL}`

const toRows = (trades: TradeRow[]) =>
  trades.map(({ trade, capturedTimeMs }, position) => ({
    position,
    token: trade.token,
    side: trade.takerSide,
    price: trade.priceText,
    size: trade.sizeText,
    tx_hash: trade.transactionHash.toLowerCase(),
    ordinal: trade.ordinal,
    wallet: trade.wallet ?? null,
    data_api_ts: instant(trade.exchangeTimeMs),
    captured_at: instant(capturedTimeMs),
  }))

const toAttributed = (row: ReturnedFill): AttributedFill[] => {
  if (row.wallet === null || row.data_api_ts === null) return []
  const { fill_id: fillId, market_id: marketId, outcome_id: outcomeId, wallet, side, ordinal } = row
  const exchangeTimeMs = row.data_api_ts.getTime()
  return [
    { fillId, marketId, outcomeId, wallet, side, priceText: row.price, sizeText: row.size, exchangeTimeMs, ordinal },
  ]
}

/**
 * Merges trades of the Data API into `fills`: a row that the market channel brought is confirmed and gets its wallet, one
 * that it missed is inserted, what is confirmed already stays as it is. Whichever source comes first, and how often, the
 * rows are the same: see `writeFills` for the other half. To be called in the commit's transaction. Adds what is new to
 * `news`.
 *
 * @returns the fills whose wallet became known by it, each once ever. `exchangeTimeMs` is the Data API's, which never changes.
 */
export const mergeTrades = async (
  client: ClientBase,
  trades: TradeRow[],
  news: FillNews[],
): Promise<AttributedFill[]> => {
  if (trades.length === 0) return []
  const { rows } = await client.query<ReturnedFill>(MERGE, [toJson(toRows(trades))])
  news.push(...rows.map(toNews))
  return rows.flatMap(toAttributed)
}

export type WrittenTrades = { placed: Placed; attributed: AttributedFill[]; news: FillNews[] }

/**
 * All that a commit does with fills, as a part of a script: writes those that the market channel told of, then finds the markets
 * of the Data API's trades and merges them. A trade whose token is no known outcome's is merged with nothing. What is new must
 * be known before the COMMIT, whose answer may be lost.
 *
 * @returns what to ask once the script is done.
 */
export const scriptTrades = (
  script: Script,
  { trades, fills }: Pick<Batch, 'trades' | 'fills'>,
): (() => WrittenTrades) => {
  const news: FillNews[] = []
  let outcomes: Outcome[] = []
  let merged: ReturnedFill[] = []
  scriptFills(script, fills, news)
  if (trades.length > 0) {
    script.ask(...outcomesOf(trades), (rows) => (outcomes = rows as Outcome[]))
    script.ask(MERGE, [toJson(toRows(trades))], (rows) => (merged = rows as ReturnedFill[]))
  }
  return () => ({
    placed: placeAmong(outcomes, trades),
    attributed: merged.flatMap(toAttributed),
    news: [...news, ...merged.map(toNews)],
  })
}
