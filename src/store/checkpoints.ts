import type { Pool } from 'pg'
import type { CheckpointResume, CheckpointRow } from '../normalizer/checkpoint-row.ts'
import { instant } from './instant.ts'
import { toJson } from './json.ts'
import type { StatementTarget } from './script.ts'

/** What takes no sequence (a tick, a spelling, a time) moves on too: a checkpoint is never half of an older one. */
const INSERT = `
insert into book_checkpoints (outcome_id, sequence, market_id, stream_id, epoch, ordinal, captured_at, source_ts,
  last_trade_price, tick_size, depth, hash, bids, asks, resume)
select * from jsonb_to_recordset($1::jsonb) as n(
  outcome_id text, sequence bigint, market_id text, stream_id text, epoch text, ordinal bigint, captured_at timestamptz,
  source_ts timestamptz, last_trade_price text, tick_size text, depth integer, hash text, bids jsonb, asks jsonb, resume jsonb)
on conflict (outcome_id, sequence) do update set stream_id = excluded.stream_id, epoch = excluded.epoch,
  ordinal = excluded.ordinal, captured_at = excluded.captured_at, source_ts = excluded.source_ts,
  last_trade_price = excluded.last_trade_price, tick_size = excluded.tick_size, depth = excluded.depth, hash = excluded.hash,
  bids = excluded.bids, asks = excluded.asks, resume = excluded.resume`

/**
 * Of those before the newest, the first of an hour is kept, then one in 2,000 sequences: a rebuild of any instant applies
 * few rows, and what is kept is bounded by them. So is the last of each UTC day: with it the next day can be read without this day's rows.
 */
const PRUNE = `
delete from book_checkpoints c using jsonb_to_recordset($1::jsonb) as n(outcome_id text, sequence bigint)
where c.outcome_id = n.outcome_id and c.sequence < n.sequence
  and exists (select from book_checkpoints e where e.outcome_id = c.outcome_id and e.sequence < c.sequence
    and e.sequence > c.sequence - 2000
    and date_trunc('hour', e.captured_at, 'UTC') = date_trunc('hour', c.captured_at, 'UTC'))
  and exists (select from book_checkpoints l where l.outcome_id = c.outcome_id and l.sequence > c.sequence
    and date_trunc('day', l.captured_at, 'UTC') = date_trunc('day', c.captured_at, 'UTC'))`

/** Stores whole books beside the rows they sum up, and drops those that no rebuild would start from. */
export const writeCheckpoints = async (client: StatementTarget, checkpoints: CheckpointRow[]): Promise<void> => {
  if (checkpoints.length === 0) return
  const rows = checkpoints.map((row) => ({
    outcome_id: row.outcomeId,
    sequence: row.sequence,
    market_id: row.marketId,
    stream_id: row.streamId,
    epoch: row.epoch,
    ordinal: row.ordinal,
    captured_at: instant(row.capturedTimeMs),
    source_ts: instant(row.exchangeTimeMs),
    last_trade_price: row.lastTradePrice ?? null,
    tick_size: row.tickSize,
    depth: row.depth,
    hash: row.hash ?? null,
    bids: row.bids,
    asks: row.asks,
    resume: row.resume,
  }))
  await client.query(INSERT, [toJson(rows)])
  await client.query(PRUNE, [toJson(rows.map(({ outcome_id, sequence }) => ({ outcome_id, sequence })))])
}

const NEWEST = `
select distinct on (outcome_id) outcome_id, market_id, sequence, stream_id, epoch, ordinal, captured_at, source_ts,
  last_trade_price, tick_size, depth, hash, bids, asks, resume
from book_checkpoints where market_id = any($1) and resume ? 'inputs' order by outcome_id, sequence desc`

type CheckpointRecord = {
  outcome_id: string
  market_id: string
  sequence: string
  stream_id: string
  epoch: string
  ordinal: string
  captured_at: Date
  source_ts: Date | null
  last_trade_price: string | null
  tick_size: string
  depth: number
  hash: string | null
  bids: [string, string][]
  asks: [string, string][]
  resume: CheckpointResume
}

/** The newest checkpoint of each outcome of these markets. One of an older build, with less in `resume`, counts as none. */
export const readCheckpoints = async (pool: Pool, marketIds: string[]): Promise<CheckpointRow[]> => {
  const result = await pool.query<CheckpointRecord>(NEWEST, [marketIds])
  return result.rows.map((row) => ({
    outcomeId: row.outcome_id,
    marketId: row.market_id,
    sequence: Number(row.sequence),
    streamId: row.stream_id,
    epoch: row.epoch,
    ordinal: Number(row.ordinal),
    capturedTimeMs: row.captured_at.getTime(),
    exchangeTimeMs: row.source_ts?.getTime(),
    lastTradePrice: row.last_trade_price ?? undefined,
    tickSize: row.tick_size,
    depth: row.depth,
    hash: row.hash ?? undefined,
    bids: row.bids,
    asks: row.asks,
    resume: row.resume,
  }))
}
