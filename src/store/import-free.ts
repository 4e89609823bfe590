import type { ClientBase } from 'pg'
import { orderbookStream } from '../domain/keys.ts'
import type { TimeSpan } from '../domain/span.ts'
import type { MarketImport } from './imports.ts'

/** Whether a stream has entries after this id. */
export type HasUnread = (stream: string, afterId: string) => Promise<boolean>

/** What a feed holds is in Redis by then. As of `recorder_ends_at`. */
export const SETTLED_MS = 600_000

const FREE = `
select o.outcome_id, ceil(extract(epoch from lower(part)) * 1000)::float8 as from_ms,
  floor(extract(epoch from upper(part)) * 1000)::float8 as to_ms
from outcomes o, unnest(unrecorded_at(o.outcome_id, $2, $3) - coalesce((
  select range_agg(tstzrange(i.begins_at, i.ends_at)) from imported_spans i
  where i.outcome_id = o.outcome_id and (i.source <> 'prices_history' or $4) and i.begins_at < $3 and i.ends_at > $2),
  '{}')) part
where o.market_id = $1 order by o.outcome_id, from_ms`

type FreeRecord = { outcome_id: string; from_ms: number; to_ms: number }
type FreeSpans = Map<string, TimeSpan[]>

const iso = (timeMs: number): string => new Date(timeMs).toISOString()

const readFree = async (client: ClientBase, { marketId, span, source }: MarketImport): Promise<FreeSpans> => {
  const toTimeMs = Math.max(span.fromTimeMs, Math.min(span.toTimeMs, Date.now() - SETTLED_MS))
  const values = [marketId, iso(span.fromTimeMs), iso(toTimeMs), source === 'prices_history']
  const { rows } = await client.query<FreeRecord>(FREE, values)
  const free: FreeSpans = new Map()
  for (const { outcome_id, from_ms, to_ms } of rows) {
    if (from_ms >= to_ms) continue
    free.set(outcome_id, [...(free.get(outcome_id) ?? []), { fromTimeMs: from_ms, toTimeMs: to_ms }])
  }
  return free
}

const COMMITTED = `
select last_id, coalesce((progress ->> 'receivedTimeMs')::float8, 0) as until_ms from ingestion_offsets where stream = $1`

type Committed = { last_id: string; until_ms: number }

/** In the order of time, as the spans of each outcome are. */
const endOf = (free: FreeSpans): number => Math.max(...[...free.values()].map((spans) => spans.at(-1)?.toTimeMs ?? 0))

/**
 * When, within the span, each outcome of a market has neither been recorded nor imported. What Postgres does not have may be
 * on its way there: beyond the newest frame that is committed, nothing is free while the market's stream has more of them.
 *
 * @throws Error while the normalizer is behind.
 */
export const readFreeSpans = async (
  client: ClientBase,
  given: MarketImport,
  hasUnread: HasUnread,
): Promise<FreeSpans> => {
  const stream = orderbookStream(given.marketId)
  // Before the spans: frames that are committed in between count as unread.
  const { rows } = await client.query<Committed>(COMMITTED, [stream])
  const { last_id: lastId, until_ms: untilTimeMs } = rows[0] ?? { last_id: '0-0', until_ms: 0 }
  const free = await readFree(client, given)
  if (endOf(free) <= untilTimeMs || !(await hasUnread(stream, lastId))) return free
  throw new Error(
    `the normalizer is behind: ${stream} has frames that are not committed, so what of ${given.marketId} is not recorded is not known`,
  )
}
