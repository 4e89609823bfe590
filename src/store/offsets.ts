import type { Pool } from 'pg'
import { NO_PROGRESS, type KeptProgress, type MarketProgress } from '../domain/progress.ts'

/** Where a stream was committed. `lastId` is `0-0` for a stream that was never read. */
export type StoredOffset = { stream: string; lastId: string; writer: string; progress: MarketProgress }

const OPEN = `
insert into ingestion_offsets (stream, last_id, sequence, writer, progress, updated_at)
select stream, '0-0', 0, 'none', $2::jsonb, now() from unnest($1::text[]) as stream order by stream
on conflict (stream) do nothing`

const READ = 'select stream, last_id, writer, progress, kept::json from ingestion_offsets where stream = any($1)'

/** `kept` is null of a stream that was never committed; before it was a column, it stood in `progress`. */
type OffsetRecord = {
  stream: string
  last_id: string
  writer: string
  progress: MarketProgress
  kept: KeptProgress | null
}

const toStored = (row: OffsetRecord): StoredOffset => ({
  stream: row.stream,
  lastId: row.last_id,
  writer: row.writer,
  progress: { ...NO_PROGRESS, ...row.progress, ...(row.kept === null ? {} : { kept: row.kept }) },
})

/** The committed offsets of these streams; a stream seen for the first time gets a row at `0-0`. */
export const openOffsets = async (pool: Pool, streams: string[]): Promise<StoredOffset[]> => {
  if (streams.length === 0) return []
  await pool.query(OPEN, [streams, JSON.stringify(NO_PROGRESS)])
  const result = await pool.query<OffsetRecord>(READ, [streams])
  return result.rows.map(toStored)
}

/** How far a stream is committed; undefined for one that never was. */
export const readOffset = async (pool: Pool, stream: string): Promise<StoredOffset | undefined> => {
  const { rows } = await pool.query<OffsetRecord>(READ, [[stream]])
  return rows[0] === undefined ? undefined : toStored(rows[0])
}

const OPEN_STREAMS = `select stream from ingestion_offsets where progress ->> 'isClosed' is distinct from 'true'`

/** Names of all streams that were ever committed, without those that are closed. */
export const openStreams = async (pool: Pool): Promise<string[]> => {
  const result = await pool.query<{ stream: string }>(OPEN_STREAMS)
  return result.rows.map((row) => row.stream)
}

const CLOSED = `
select o.stream, o.last_id, coalesce(m.status = 'resolved', false) as is_resolved
from ingestion_offsets o left join markets m on m.market_id = substr(o.stream, length('orderbook:') + 1)
where o.stream = any($1) and o.progress ->> 'isClosed' = 'true'`

export type ClosedStream = { stream: string; lastId: string; isResolved: boolean }

/** Those of the streams that are closed. */
export const findClosed = async (pool: Pool, streams: string[]): Promise<ClosedStream[]> => {
  if (streams.length === 0) return []
  const { rows } = await pool.query<{ stream: string; last_id: string; is_resolved: boolean }>(CLOSED, [streams])
  return rows.map((row) => ({ stream: row.stream, lastId: row.last_id, isResolved: row.is_resolved }))
}
