import type pg from 'pg'
import { canonical, emptyLevels, setLevel, type Levels, type LevelRow } from './levels.ts'

type RecordedEvent = {
  sequence: number
  kind: 'snapshot' | 'change' | 'gap'
  venueMs: number
  capturedMs: number
  rows: LevelRow[]
}

/** From a snapshot to the next gap (or the end): the span in which the history claims that nothing is missing. */
export type Segment = { snapshot: RecordedEvent; changes: RecordedEvent[]; gap: RecordedEvent | undefined }

type Row = {
  outcome_id: string
  sequence: string
  kind: RecordedEvent['kind']
  side: 'bid' | 'ask'
  price: string
  size: string
  venue_ms: string | null
  captured_ms: string
}

const SQL = `
select outcome_id, sequence, kind, side, price::text, size::text,
  (extract(epoch from source_ts) * 1000)::bigint as venue_ms, (extract(epoch from captured_at) * 1000)::bigint as captured_ms
from order_books order by outcome_id, sequence, id`

const addRow = (events: RecordedEvent[], row: Row): void => {
  const sequence = Number(row.sequence)
  const level = { side: row.side, price: canonical(row.price), size: canonical(row.size) }
  const last = events.at(-1)
  if (last?.sequence === sequence) return void last.rows.push(level)
  const [venueMs, capturedMs] = [Number(row.venue_ms ?? 0), Number(row.captured_ms)]
  events.push({ sequence, kind: row.kind, venueMs, capturedMs, rows: [level] })
}

/** The events of every outcome, in order of their sequence. */
export const readRecorded = async (pool: pg.Pool): Promise<Map<string, RecordedEvent[]>> => {
  const result = await pool.query<Row>(SQL)
  const outcomes = new Map<string, RecordedEvent[]>()
  for (const row of result.rows) {
    const events = outcomes.get(row.outcome_id) ?? []
    outcomes.set(row.outcome_id, events)
    addRow(events, row)
  }
  return outcomes
}

/** A change outside every segment would be a row of a book that nobody knows: it is told as a problem. */
export const toSegments = (events: readonly RecordedEvent[]): { segments: Segment[]; problems: string[] } => {
  const segments: Segment[] = []
  const problems: string[] = []
  let open: Segment | undefined
  for (const event of events) {
    if (event.kind === 'snapshot') {
      if (open !== undefined) problems.push(`sequence ${event.sequence} is a snapshot although no gap was open`)
      open = { snapshot: event, changes: [], gap: undefined }
      segments.push(open)
    } else if (event.kind === 'gap') {
      if (open !== undefined) open.gap = event
      open = undefined
    } else if (open === undefined) problems.push(`sequence ${event.sequence} changes a book that is not known`)
    else open.changes.push(event)
  }
  return { segments, problems }
}

/** A snapshot's rows as a book; the one row of an empty snapshot is no level. */
export const levelsOf = ({ rows }: RecordedEvent): Levels => {
  const levels = emptyLevels()
  for (const row of rows) setLevel(levels, row)
  return levels
}

export type { RecordedEvent }
