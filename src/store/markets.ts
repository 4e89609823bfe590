import type { ClientBase, Pool } from 'pg'
import type { Market } from '../domain/market.ts'
import { toJson } from './json.ts'
import { writePayouts } from './resolutions.ts'

/** Gamma may lag the broadcast: what is resolved stays so. */
const UPSERT_MARKETS = `
insert into markets (market_id, condition_id, slug, question, status, fee_bps, end_ts, tick_size, min_order_size, neg_risk, version)
select * from jsonb_to_recordset($1::jsonb) as n(
  market_id text, condition_id text, slug text, question text, status text, fee_bps numeric, end_ts timestamptz,
  tick_size numeric, min_order_size numeric, neg_risk boolean, version text)
on conflict (market_id) do update set
  condition_id = excluded.condition_id, slug = excluded.slug, question = excluded.question,
  status = case markets.status when 'resolved' then 'resolved' else excluded.status end,
  fee_bps = excluded.fee_bps, end_ts = excluded.end_ts, tick_size = excluded.tick_size,
  min_order_size = excluded.min_order_size, neg_risk = excluded.neg_risk, version = excluded.version, updated_at = now()`

/**
 * A token belongs to the outcome that named it first: a second claim must not end the commits. A unique column among those
 * that are set would lock the row against its foreign keys, though it stays as it is: whoever inserts a position would wait.
 */
const UPSERT_OUTCOMES = `
insert into outcomes (outcome_id, market_id, name, tokens)
select distinct on (tokens) * from jsonb_to_recordset($1::jsonb) as n(outcome_id text, market_id text, name text, tokens text)
where not exists (select from outcomes o where o.tokens = n.tokens and o.outcome_id <> n.outcome_id)
order by tokens, outcome_id
on conflict (outcome_id) do update set name = excluded.name`

const CHANGE_TOKENS = `
update outcomes o set tokens = n.tokens
from (select distinct on (tokens) * from jsonb_to_recordset($1::jsonb) as g(outcome_id text, tokens text) order by tokens, outcome_id) n
where o.outcome_id = n.outcome_id and o.tokens is distinct from n.tokens
  and not exists (select from outcomes w where w.tokens = n.tokens and w.outcome_id <> n.outcome_id)`

const toRow = (market: Market) => ({
  market_id: market.marketId,
  condition_id: market.conditionId,
  slug: market.slug,
  question: market.question,
  status: market.status,
  fee_bps: market.feeBps ?? null,
  end_ts: market.endTimeMs === undefined ? null : new Date(market.endTimeMs).toISOString(),
  tick_size: market.tickSize,
  min_order_size: market.minOrderSize,
  neg_risk: market.negRisk,
  version: market.version ?? null,
})

/** Writes the present state of markets and their outcomes. */
export const writeMarkets = async (client: ClientBase, markets: Market[]): Promise<void> => {
  if (markets.length === 0) return
  await client.query(UPSERT_MARKETS, [toJson(markets.map(toRow))])
  const outcomes = markets.flatMap((market) =>
    market.outcomes.map(({ outcomeId, name, token }) => ({
      outcome_id: outcomeId,
      market_id: market.marketId,
      name,
      tokens: token,
    })),
  )
  await client.query(UPSERT_OUTCOMES, [toJson(outcomes)])
  await client.query(CHANGE_TOKENS, [toJson(outcomes)])
  await writePayouts(client, markets)
}

const READ = `
select m.market_id, m.condition_id, m.slug, m.question, m.status, m.fee_bps::float8 as fee_bps, m.end_ts,
  trim_scale(m.tick_size)::text as tick_size, trim_scale(m.min_order_size)::text as min_order_size, m.neg_risk, m.version,
  m.resolved_at,
  (select array_agg(trim_scale(o.payout)::text order by split_part(o.outcome_id, ':', 2)::int)
   from outcomes o where o.market_id = m.market_id and m.resolution_source = 'gamma' having count(o.payout) = count(*)) as payouts,
  (select jsonb_agg(jsonb_build_object('outcomeId', o.outcome_id, 'name', o.name, 'token', o.tokens)
     order by split_part(o.outcome_id, ':', 2)::int) from outcomes o where o.market_id = m.market_id) as outcomes
from markets m where m.market_id = any($1)`

type MarketRecord = {
  market_id: string
  condition_id: string
  slug: string
  question: string
  status: Market['status']
  fee_bps: number | null
  end_ts: Date | null
  tick_size: string
  min_order_size: string
  neg_risk: boolean
  version: string | null
  resolved_at: Date | null
  payouts: string[] | null
  outcomes: Market['outcomes'] | null
}

const resolutionOf = ({ payouts, resolved_at }: MarketRecord): Market['resolution'] =>
  payouts === null ? undefined : { payouts, resolvedTimeMs: resolved_at?.getTime() }

/** Markets by id; those that are not known are absent. */
export const readMarkets = async (client: Pick<ClientBase, 'query'>, marketIds: string[]): Promise<Market[]> => {
  const result = await client.query<MarketRecord>(READ, [marketIds])
  return result.rows.map((row) => ({
    marketId: row.market_id,
    conditionId: row.condition_id,
    slug: row.slug,
    question: row.question,
    status: row.status,
    feeBps: row.fee_bps ?? undefined,
    endTimeMs: row.end_ts?.getTime(),
    tickSize: row.tick_size,
    minOrderSize: row.min_order_size,
    negRisk: row.neg_risk,
    version: row.version === 'v2' ? 'v2' : undefined,
    outcomes: row.outcomes ?? [],
    resolution: resolutionOf(row),
  }))
}

/** Markets that an operator has stopped or paused by hand: discovery leaves them alone. */
export const readOverridden = async (pool: Pool): Promise<Set<string>> => {
  const { rows } = await pool.query<{ market_id: string }>(
    'select market_id from markets where subscription_override is not null',
  )
  return new Set(rows.map((row) => row.market_id))
}

/** Unresolved markets that are not among `marketIds`: those that are recorded first, of the others some at random. */
export const readUnresolvedBut = async (pool: Pool, marketIds: string[], most: number): Promise<string[]> => {
  const { rows } = await pool.query<{ market_id: string }>(
    `select m.market_id from markets m left join quotes_live q on q.market_id = m.market_id
     where m.status <> 'resolved' and not m.market_id = any($1)
     order by q.market_id is null, random() limit $2`,
    [marketIds, most],
  )
  return rows.map((row) => row.market_id)
}
