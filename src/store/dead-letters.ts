import type { ClientBase } from 'pg'
import type { DeadLetter } from '../normalizer/batch.ts'
import { toJson } from './json.ts'

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
