import type { Pool } from 'pg'

/**
 * A recorder's checkpoint or snapshot, or the span of another recorder that covers the instant. Without either, an outcome
 * has no row before the UTC day of its first checkpoint: each day ends with one.
 */
const BEGINS = `
select (extract(epoch from date_trunc('milliseconds', least(b.captured_at, i.begins_at))) * 1000)::float8 as begins,
  (extract(epoch from date_trunc('day', f.at, 'UTC')) * 1000)::float8 as earliest
from unnest($1::text[]) as wanted (outcome_id)
cross join lateral book_base_at(wanted.outcome_id, $2) b
left join lateral imported_span_at(wanted.outcome_id, $2) i on true
cross join lateral (
  select least(first_book_at(wanted.outcome_id), (
    select c.captured_at from book_checkpoints c
    where c.outcome_id = wanted.outcome_id and c.sequence > 0 order by c.sequence limit 1)) as at) f`

type BeginRecord = { begins: number | null; earliest: number | null }

/** Where the rebuild of a book begins, or since when there may be rows of one whose beginning is not seen. */
export type BookBegin =
  | { type: 'known'; timeMs: number }
  | { type: 'none' }
  | { type: 'unknown'; earliestTimeMs: number | undefined }

const toBegin = ({ begins, earliest }: BeginRecord, atTimeMs: number): BookBegin => {
  if (begins !== null) return { type: 'known', timeMs: begins }
  if (earliest !== null && earliest > atTimeMs) return { type: 'none' }
  return { type: 'unknown', earliestTimeMs: earliest ?? undefined }
}

export type Instant = { outcomeIds: string[]; atTimeMs: number }

/** Of the books of these outcomes as of an instant, by what `client` sees. */
export const readBegins = async (
  client: Pick<Pool, 'query'>,
  { outcomeIds, atTimeMs }: Instant,
): Promise<BookBegin[]> => {
  const { rows } = await client.query<BeginRecord>(BEGINS, [outcomeIds, new Date(atTimeMs).toISOString()])
  return rows.map((row) => toBegin(row, atTimeMs))
}

/** From when on rows are needed, where an unknown beginning is looked for so far back; undefined where no row is. */
export const needFrom = (begins: BookBegin[], soonestTimeMs: number): number | undefined => {
  const froms = begins.flatMap((begin) => {
    switch (begin.type) {
      case 'known':
        return [begin.timeMs]
      case 'none':
        return []
      case 'unknown':
        return [Math.max(soonestTimeMs, begin.earliestTimeMs ?? soonestTimeMs)]
    }
  })
  return froms.length === 0 ? undefined : Math.min(...froms)
}
