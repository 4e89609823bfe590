import type { Pool } from 'pg'
import { instant } from './instant.ts'

/** `imported`: not recorded here, and as another recorder knew it. */
type BookQuality = 'verified' | 'unverified' | 'in_gap' | 'missing' | 'imported'

type GapSpan = { reason: string; openedTimeMs: number; closedTimeMs: number | undefined }

/** A book as of an instant by receive time. Levels are `[price, size]` decimal texts, best first. */
export type BookAsOf = {
  outcomeId: string
  quality: BookQuality
  /** Of the newest event; undefined before the first book. */
  sequence: number | undefined
  capturedTimeMs: number | undefined
  exchangeTimeMs: number | undefined
  bids: [string, string][]
  asks: [string, string][]
  /** The gap that the instant lies in. */
  gap: GapSpan | undefined
}

const BOOKS = `
select wanted.outcome_id, s.state, s.sequence, s.captured_at, s.source_ts,
  (select coalesce(jsonb_agg(jsonb_build_array(b.side, b.price::text, b.size::text)), '[]')
   from book_at(wanted.outcome_id, $2) b) as levels,
  (select jsonb_build_object('reason', g.reason, 'opened', extract(epoch from g.opened_at) * 1000,
     'closed', extract(epoch from g.closed_at) * 1000)
   from feed_gaps g where g.outcome_id = wanted.outcome_id and g.opened_at <= $2 and not g.nothing_missed
     and (g.closed_at > $2 or g.closed_at is null) order by g.opened_at desc limit 1) as gap
from unnest($1::text[]) with ordinality as wanted (outcome_id, place), book_state_at(wanted.outcome_id, $2) s
order by wanted.place`

type BookRecord = {
  outcome_id: string
  state: BookQuality
  sequence: string | null
  captured_at: Date | null
  source_ts: Date | null
  levels: ['bid' | 'ask', string, string][]
  gap: { reason: string; opened: number; closed: number | null } | null
}

const toBook = (row: BookRecord): BookAsOf => {
  const side = (wanted: 'bid' | 'ask'): [string, string][] =>
    row.levels.flatMap(([name, price, size]) => (name === wanted ? [[price, size]] : []))
  return {
    outcomeId: row.outcome_id,
    quality: row.state,
    sequence: row.sequence === null ? undefined : Number(row.sequence),
    capturedTimeMs: row.captured_at?.getTime(),
    exchangeTimeMs: row.source_ts?.getTime(),
    bids: side('bid'),
    asks: side('ask'),
    gap:
      row.gap === null
        ? undefined
        : { reason: row.gap.reason, openedTimeMs: row.gap.opened, closedTimeMs: row.gap.closed ?? undefined },
  }
}

/** The books of these outcomes as of one instant, in their order. */
export const readBooksAt = async (
  client: Pick<Pool, 'query'>,
  outcomeIds: string[],
  atTimeMs: number,
): Promise<BookAsOf[]> => {
  const result = await client.query<BookRecord>(BOOKS, [outcomeIds, instant(atTimeMs)])
  return result.rows.map(toBook)
}

/** What was recorded of a market in one hour; counts are of the whole hour. */
export type CoverageHour = {
  hourTimeMs: number
  events: number
  verified: number
  unverifiable: number
  mismatched: number
  gapSeconds: number
  /** Of the hour, with books of another recorder; `importedFrom`: all that was imported, prices too. */
  importedSeconds: number
  importedFrom: string[]
  state: 'available' | 'degraded' | 'imported' | 'missing'
}

const COVERAGE = `
select hour, events::float8 as events, batches_verified::float8 as verified,
  batches_unverifiable::float8 as unverifiable, batches_mismatched::float8 as mismatched,
  gap_seconds::float8 as gap_seconds, state, imported_seconds::float8 as imported_seconds, imported_from
from coverage($1, $2, $3) order by hour`

type CoverageRecord = Omit<CoverageHour, 'hourTimeMs' | 'gapSeconds' | 'importedSeconds' | 'importedFrom'> & {
  hour: Date
  gap_seconds: number
  imported_seconds: number
  imported_from: string[]
}

export type Span = { fromTimeMs: number; toTimeMs: number }

/** The hours that overlap the span, oldest first. */
export const readCoverage = async (pool: Pool, marketId: string, span: Span): Promise<CoverageHour[]> => {
  const values = [marketId, instant(span.fromTimeMs), instant(span.toTimeMs)]
  const result = await pool.query<CoverageRecord>(COVERAGE, values)
  return result.rows.map(({ hour, gap_seconds, imported_seconds, imported_from, ...counts }) => ({
    hourTimeMs: hour.getTime(),
    gapSeconds: gap_seconds,
    importedSeconds: imported_seconds,
    importedFrom: imported_from,
    ...counts,
  }))
}
