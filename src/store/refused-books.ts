import type { ClientBase } from 'pg'
import { orderbookStream } from '../domain/keys.ts'
import type { Batch, OffsetRow } from '../normalizer/batch.ts'
import { copyBookRows, sequenceOf, tableOfInstant } from './books.ts'
import { tryWrite, writeHalving, writeHalvingGroups, type Isolation } from './isolation.ts'
import type { SealedDays } from './recorded-days.ts'
import { addRefused, explain } from './refused.ts'
import { toJson } from './json.ts'

/** The rows of one sequence of one outcome: history is right with all of them or none. */
type Event = { marketId: string; outcomeId: string; sequence: number; captured: string; detail: string }

const fieldsOf = (line: string) => {
  const [id = '', captured = '', , , , , marketId = '', outcomeId = ''] = line.split('\t')
  return { marketId, outcomeId, sequence: sequenceOf(Number(id)), captured }
}

const eventKey = (line: string): string => {
  const { outcomeId, sequence } = fieldsOf(line)
  return `${outcomeId} ${sequence}`
}

const byMarket = (lines: string[]): string[][] => {
  const groups = new Map<string, string[]>()
  for (const line of lines) {
    const { marketId } = fieldsOf(line)
    const group = groups.get(marketId)
    if (group === undefined) groups.set(marketId, [line])
    else group.push(line)
  }
  return [...groups.values()]
}

const gapRows = (table: string): string => `
insert into ${table} (id, captured_at, price, size, market_id, outcome_id, side, kind)
select n.sequence * 65536, n.captured_at, 0, 0, n.market_id, n.outcome_id, 'bid', 'gap'
from jsonb_to_recordset($1::jsonb) as n(sequence bigint, captured_at timestamptz, market_id text, outcome_id text)
on conflict do nothing`

const GAPS = `
insert into feed_gaps (market_id, outcome_id, opened_at, detected_at, reason, last_good_sequence, gap_sequence, detail,
  closed_at, first_good_sequence)
select n.market_id, n.outcome_id, n.captured_at, now(), 'refused_row', n.sequence - 1, n.sequence, n.detail,
  n.closed_at, n.first_good_sequence
from jsonb_to_recordset($1::jsonb) as n(market_id text, outcome_id text, captured_at timestamptz, sequence bigint,
  detail text, closed_at timestamptz, first_good_sequence bigint)
on conflict (outcome_id, gap_sequence) do nothing`

const PROGRESS = 'update ingestion_offsets set progress = $2 where stream = $1'

type Standing = { closed_at: string | null; first_good_sequence: number | null }

/** Says in the offset that the book is in a gap; an outcome that is in a later one already goes on with that. */
const openInProgress = async (client: ClientBase, batch: Batch, event: Event): Promise<Standing> => {
  const stream = orderbookStream(event.marketId)
  const offset = batch.offsets.get(stream)
  const index = Number(event.outcomeId.split(':').at(-1))
  const outcome = offset?.progress.outcomes[index]
  if (offset === undefined || outcome === undefined) return { closed_at: null, first_good_sequence: null }
  const { gapSequence, capturedTimeMs } = outcome
  if (gapSequence !== undefined) {
    return { closed_at: new Date(capturedTimeMs).toISOString(), first_good_sequence: gapSequence }
  }
  const outcomes = offset.progress.outcomes.with(index, {
    ...outcome,
    status: 'gap',
    gapSequence: event.sequence,
    gapReason: 'refused_row',
  })
  const changed: OffsetRow = { ...offset, progress: { ...offset.progress, outcomes } }
  batch.offsets.set(stream, changed)
  await client.query(PROGRESS, [stream, JSON.stringify(changed.progress)])
  batch.refused.push({
    marketId: event.marketId,
    outcomeId: event.outcomeId,
    gapSequence: event.sequence,
    detail: event.detail,
  })
  return { closed_at: null, first_good_sequence: null }
}

const firstOfEach = (events: Event[]): Event[] => {
  const first = new Map<string, Event>()
  for (const event of events) {
    if (event.sequence < (first.get(event.outcomeId)?.sequence ?? Infinity)) first.set(event.outcomeId, event)
  }
  return [...first.values()]
}

type Routed = Isolation & { sealed: SealedDays }

/** Rows of kind `gap`, of sealed days among those that come later. What is refused of them is a dead letter too. */
const writeGapRows = async (client: ClientBase, batch: Batch, events: Event[], isolation: Routed): Promise<void> => {
  for (const table of ['order_books', 'order_books_later'] as const) {
    const rows = events
      .filter(({ captured }) => tableOfInstant(captured, isolation.sealed) === table)
      .map(({ marketId: market_id, outcomeId: outcome_id, sequence, captured: captured_at }) => ({
        market_id,
        outcome_id,
        sequence,
        captured_at,
      }))
    const write = async (to: ClientBase, some: object[]): Promise<void> =>
      void (await to.query(gapRows(table), [toJson(some)]))
    for (const one of await writeHalving(client, rows, write, isolation)) {
      addRefused(
        batch,
        explain(one, `gap of ${table}`, ({ market_id }) => market_id),
      )
    }
  }
}

/** Each refused event becomes a row of kind `gap`; of each outcome, the first one a record in `feed_gaps`. */
const writeGapsOf = async (client: ClientBase, batch: Batch, events: Event[], isolation: Routed): Promise<void> => {
  await writeGapRows(client, batch, events, isolation)
  for (const event of firstOfEach(events)) {
    const standing = await openInProgress(client, batch, event)
    const { marketId: market_id, outcomeId: outcome_id, captured: captured_at, sequence, detail } = event
    const gap = { market_id, outcome_id, captured_at, sequence, detail, ...standing }
    const message = await tryWrite(client, async () => void (await client.query(GAPS, [toJson([gap])])))
    if (message !== undefined) {
      addRefused(batch, { part: 'feed_gaps', marketId: event.marketId, raw: JSON.stringify(gap), message })
    }
  }
}

const SEARCH = 'refused_books'

/**
 * Writes the book rows that Postgres takes. The events of those that it refuses become gaps: their rows go to the dead
 * letters, and a consumer sees a row of kind `gap` in their place. The tape is told by `batch.refused`.
 */
export const writeBooksIsolated = async (client: ClientBase, batch: Batch, isolation: Routed): Promise<void> => {
  const { bookLines } = batch
  const copy = (to: ClientBase, lines: string[]): Promise<void> => copyBookRows(to, lines, isolation.sealed)
  await client.query(`savepoint ${SEARCH}`)
  const refused = await writeHalvingGroups(client, byMarket(bookLines), copy, isolation)
  if (refused.length === 0) return
  await client.query(`rollback to savepoint ${SEARCH}`)
  const gone = new Map<string, Event>()
  for (const one of refused) {
    addRefused(
      batch,
      explain(one, 'order_books', (line) => fieldsOf(line).marketId),
    )
    for (const line of one.items) gone.set(eventKey(line), { ...fieldsOf(line), detail: one.message })
  }
  batch.bookLines = bookLines.filter((line) => !gone.has(eventKey(line)))
  await copy(client, batch.bookLines)
  await writeGapsOf(client, batch, [...gone.values()], isolation)
}
