import type { ClientBase, Pool } from 'pg'
import { fromMillionths, toMillionths } from '../domain/decimal.ts'
import type { LiquidityEvent } from '../domain/liquidity-event.ts'
import { areSameFacts, factsAfter, type MarketChange, type MarketFacts } from '../domain/market-change.ts'
import { instant } from './instant.ts'
import { toJson } from './json.ts'
import { writeLiquidity } from './liquidity.ts'
import { marketEvents } from './market-events.ts'

/** Any constant of our own. */
const LOCK = 'select pg_advisory_xact_lock(7620008)'

/**
 * Holds what is known of markets until the end of the transaction. To be called before the first write to `markets`:
 * shards write the same rows, and two that read the present at once would both close it.
 */
export const lockMarkets = async (client: ClientBase, changes: MarketChange[]): Promise<void> => {
  if (changes.length > 0) await client.query(LOCK)
}

const PRESENT = `
select market_id, (extract(epoch from valid_from) * 1000000)::bigint as valid_from_us, condition_id, slug, question, status,
  trim_scale(tick_size)::text as tick_size, trim_scale(gamma_tick_size)::text as gamma_tick_size,
  trim_scale(min_order_size)::text as min_order_size, neg_risk, fee_bps::float8 as fee_bps, end_ts, version, event_slug, tags
from market_changes where market_id = any($1) and valid_to is null`

type Present = {
  market_id: string
  valid_from_us: string
  condition_id: string | null
  slug: string | null
  question: string | null
  status: 'active' | 'closed' | 'resolved' | null
  tick_size: string | null
  gamma_tick_size: string | null
  min_order_size: string | null
  neg_risk: boolean | null
  fee_bps: number | null
  end_ts: Date | null
  version: string | null
  event_slug: string | null
  tags: string[] | null
}

type Known = { facts: MarketFacts | undefined; validFromUs: number }

const toKnown = (row: Present): Known => ({
  validFromUs: Number(row.valid_from_us),
  facts: {
    conditionId: row.condition_id ?? undefined,
    slug: row.slug ?? undefined,
    question: row.question ?? undefined,
    status: row.status ?? undefined,
    tickSize: row.tick_size ?? undefined,
    gammaTickSize: row.gamma_tick_size ?? undefined,
    minOrderSize: row.min_order_size ?? undefined,
    negRisk: row.neg_risk ?? undefined,
    feeBps: row.fee_bps ?? undefined,
    endTimeMs: row.end_ts?.getTime(),
    version: row.version === 'v2' ? 'v2' : undefined,
    eventSlug: row.event_slug ?? undefined,
    tags: row.tags ?? undefined,
  },
})

/** Postgres keeps six places of a tick and a size, and four of a fee: what it would round away is no change. */
const spelled = (text: string): string => {
  const value = toMillionths(text)
  return value === undefined ? text : fromMillionths(value)
}
const spelledFee = (feeBps: number | undefined): number | undefined =>
  feeBps === undefined ? undefined : Math.round(feeBps * 1e4) / 1e4

const inOneSpelling = (change: MarketChange): MarketChange => {
  switch (change.source) {
    case 'gamma': {
      const { market } = change
      const tickSize = spelled(market.tickSize)
      const minOrderSize = spelled(market.minOrderSize)
      return { ...change, market: { ...market, tickSize, minOrderSize, feeBps: spelledFee(market.feeBps) } }
    }
    case 'new_market': {
      const { announced } = change
      const tickSize = announced.tickSize === undefined ? undefined : spelled(announced.tickSize)
      return { ...change, announced: { ...announced, tickSize, feeBps: spelledFee(announced.feeBps) } }
    }
    case 'tick_size_change':
      return { ...change, tickSize: spelled(change.tickSize) }
    case 'market_resolved':
      return change
  }
}

const toRow = (change: MarketChange, facts: MarketFacts, validFromUs: number) => ({
  market_id: change.marketId,
  valid_from_us: validFromUs,
  source: change.source,
  source_ts: instant(change.exchangeTimeMs),
  condition_id: facts.conditionId ?? null,
  slug: facts.slug ?? null,
  question: facts.question ?? null,
  status: facts.status ?? null,
  tick_size: facts.tickSize ?? null,
  gamma_tick_size: facts.gammaTickSize ?? null,
  min_order_size: facts.minOrderSize ?? null,
  neg_risk: facts.negRisk ?? null,
  fee_bps: facts.feeBps ?? null,
  end_ts: instant(facts.endTimeMs),
  version: facts.version ?? null,
  event_slug: facts.eventSlug ?? null,
  tags: facts.tags ?? null,
})
type Row = ReturnType<typeof toRow>

/** Rows and events of those changes that say something new, over what is known. Receive clocks differ: time never goes back. */
const toNews = (known: Map<string, Known>, changes: MarketChange[]): { row: Row; events: LiquidityEvent[] }[] =>
  changes.map(inOneSpelling).flatMap((change) => {
    const before = known.get(change.marketId)
    const facts = factsAfter(before?.facts, change)
    if (before?.facts !== undefined && areSameFacts(before.facts, facts)) return []
    const validFromUs = Math.max(change.receivedTimeMs * 1_000, (before?.validFromUs ?? 0) + 1)
    known.set(change.marketId, { facts, validFromUs })
    return [{ row: toRow(change, facts, validFromUs), events: marketEvents(change, before?.facts, facts) }]
  })

const FROM_US = `timestamptz 'epoch' + valid_from_us * interval '1 microsecond'`

const CLOSE = `
update market_changes c set valid_to = n.valid_from
from (
  select market_id, min(${FROM_US}) as valid_from
  from jsonb_to_recordset($1::jsonb) as g(market_id text, valid_from_us float8) group by market_id
) n
where c.market_id = n.market_id and c.valid_to is null`

const INSERT = `
insert into market_changes (market_id, valid_from, valid_to, source, source_ts, condition_id, slug, question, status, tick_size,
  gamma_tick_size, min_order_size, neg_risk, fee_bps, end_ts, version, event_slug, tags)
select market_id, ${FROM_US}, lead(${FROM_US}) over (partition by market_id order by valid_from_us), source, source_ts,
  condition_id, slug, question, status, tick_size, gamma_tick_size, min_order_size, neg_risk, fee_bps, end_ts, version,
  event_slug, tags
from jsonb_to_recordset($1::jsonb) as n(
  market_id text, valid_from_us float8, source text, source_ts timestamptz, condition_id text, slug text, question text,
  status text, tick_size numeric, gamma_tick_size numeric, min_order_size numeric, neg_risk boolean, fee_bps numeric,
  end_ts timestamptz, version text, event_slug text, tags text[])`

/** `markets` holds the present: what the catalogue repeats undoes neither a resolution nor a tick of the market channel. */
const ALIGN = `
update markets m set tick_size = coalesce(c.tick_size, m.tick_size), status = c.status, updated_at = now()
from market_changes c
where m.market_id = any($1) and c.market_id = m.market_id and c.valid_to is null
  and (m.status <> c.status or m.tick_size <> c.tick_size)`

/**
 * Writes a row for each change that says something new, ends the span of the row before, and tells in `liquidity_events`
 * what markets were created, closed or resolved by it. To be called with
 * `lockMarkets`, after the catalogue's objects were written to `markets`.
 */
export const writeMarketChanges = async (client: ClientBase, changes: MarketChange[]): Promise<void> => {
  if (changes.length === 0) return
  const marketIds = [...new Set(changes.map((change) => change.marketId))]
  const { rows: present } = await client.query<Present>(PRESENT, [marketIds])
  const news = toNews(new Map(present.map((row) => [row.market_id, toKnown(row)])), changes)
  const rows = toJson(news.map(({ row }) => row))
  if (news.length > 0) {
    await client.query(CLOSE, [rows])
    await client.query(INSERT, [rows])
  }
  await writeLiquidity(
    client,
    news.flatMap(({ events }) => events),
  )
  await client.query(ALIGN, [marketIds])
}

/** Where a market belongs, as `new_market` announced it; tags and event are slugs. */
export type Belonging = { eventSlug: string | undefined; tags: string[] }

/** Markets that were never announced are absent. */
export const readAnnounced = async (pool: Pool, marketIds: string[]): Promise<Map<string, Belonging>> => {
  const { rows } = await pool.query<Pick<Present, 'market_id' | 'event_slug' | 'tags'>>(
    'select market_id, event_slug, tags from market_changes where market_id = any($1) and valid_to is null and tags is not null',
    [marketIds],
  )
  return new Map(rows.map((row) => [row.market_id, { eventSlug: row.event_slug ?? undefined, tags: row.tags ?? [] }]))
}
