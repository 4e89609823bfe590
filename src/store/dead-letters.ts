import type { ClientBase, Pool } from 'pg'
import type { DeadLetter, Reprocessed } from '../normalizer/batch.ts'
import { toJson } from './json.ts'
import type { StatementTarget } from './script.ts'

const INSERT = `
insert into dead_letters (stream, entry_id, ordinal, reason, detail, raw, first_seen_at)
select * from jsonb_to_recordset($1::jsonb) as n(
  stream text, entry_id text, ordinal bigint, reason text, detail text, raw text, first_seen_at timestamptz)
on conflict (stream, entry_id, ordinal) do nothing`

/** Keeps the raw texts that could not be used. */
export const writeDeadLetters = async (client: ClientBase, letters: DeadLetter[]): Promise<void> => {
  if (letters.length === 0) return
  const rows = letters.map((letter) => ({
    stream: letter.stream,
    entry_id: letter.entryId,
    ordinal: letter.ordinal,
    reason: letter.reason,
    detail: letter.detail,
    raw: letter.raw,
    first_seen_at: new Date(letter.firstSeenTimeMs).toISOString(),
  }))
  await client.query(INSERT, [toJson(rows)])
}

/** An entry of several frames is one dead letter: it counts as applied if any frame was. */
const SETTLE = `
update dead_letters d set reprocessed_at = now(), result = n.result, result_detail = n.detail
from (
  select id, (array_agg(result order by array_position(array['applied', 'stale', 'rejected'], result)))[1] as result,
    string_agg(distinct detail, '; ') as detail
  from jsonb_to_recordset($1::jsonb) as g(id bigint, result text, detail text) group by id
) n
where d.dead_letter_id = n.id and d.result is distinct from 'applied'`

/** Notes what came of dead letters on their second way; with their rows, in one transaction. */
export const writeReprocessed = async (client: StatementTarget, reprocessed: Reprocessed[]): Promise<void> => {
  if (reprocessed.length === 0) return
  const rows = reprocessed.map(({ deadLetterId, result, detail }) => ({ id: deadLetterId, result, detail }))
  await client.query(SETTLE, [toJson(rows)])
}

/** `copy`: how many byte-identical dead letters of the same stream came before it. */
export type StoredDeadLetter = {
  deadLetterId: number
  stream: string
  entryId: string
  reason: string
  raw: string
  firstSeenTimeMs: number
  copy: number
}

export type DeadLetterFilter = {
  reason: string | undefined
  stream: string | undefined
  sinceTimeMs: number | undefined
  afterId: number
  limit: number
}

/** Of the letters that were not applied nor found stale: an earlier rejection may be a matter of the code of then. */
const OPEN = `
with chosen as (
  select dead_letter_id, stream from dead_letters
  where (result is null or result = 'rejected') and dead_letter_id > $1 and ($2::text is null or reason = $2)
    and ($3::text is null or stream = $3) and ($4::timestamptz is null or first_seen_at >= $4)
  order by dead_letter_id limit $5
), copies as (
  select dead_letter_id, row_number() over (partition by stream, md5(raw) order by dead_letter_id) - 1 as copy
  from dead_letters where stream in (select stream from chosen)
)
select d.dead_letter_id, d.stream, d.entry_id, d.reason, d.raw, d.first_seen_at, c.copy
from chosen join dead_letters d using (dead_letter_id) join copies c using (dead_letter_id) order by dead_letter_id`

type Row = {
  dead_letter_id: string
  stream: string
  entry_id: string
  reason: string
  raw: string
  first_seen_at: Date
  copy: string
}

/** Dead letters that may be fed through the pipeline again, oldest first. */
export const readDeadLetters = async (pool: Pool, filter: DeadLetterFilter): Promise<StoredDeadLetter[]> => {
  const { afterId, reason, stream, sinceTimeMs, limit } = filter
  const since = sinceTimeMs === undefined ? null : new Date(sinceTimeMs).toISOString()
  const result = await pool.query<Row>(OPEN, [afterId, reason ?? null, stream ?? null, since, limit])
  return result.rows.map((row) => ({
    deadLetterId: Number(row.dead_letter_id),
    stream: row.stream,
    entryId: row.entry_id,
    reason: row.reason,
    raw: row.raw,
    firstSeenTimeMs: row.first_seen_at.getTime(),
    copy: Number(row.copy),
  }))
}

const SETTLED = `
select dead_letter_id, result, result_detail from dead_letters
where dead_letter_id = any($1) and reprocessed_at >= $2 and result is not null`

export type Settled = { result: string; detail: string }

/** What became of these letters since an instant of Postgres's clock; those not committed yet are absent. */
export const readSettled = async (pool: Pool, ids: number[], since: string): Promise<Map<number, Settled>> => {
  const result = await pool.query<{ dead_letter_id: string; result: string; result_detail: string | null }>(SETTLED, [
    ids,
    since,
  ])
  return new Map(
    result.rows.map((row) => [Number(row.dead_letter_id), { result: row.result, detail: row.result_detail ?? '' }]),
  )
}

/** Postgres's clock, as text. */
export const readClock = async (pool: Pool): Promise<string> => {
  const result = await pool.query<{ now: string }>('select now()::text as now')
  return result.rows[0]?.now ?? ''
}
