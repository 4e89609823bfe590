import type { Pool, PoolClient } from 'pg'
import { LOCK_PARTITIONS, unlessDifferent } from './archive-transactions.ts'
import { toJson } from './json.ts'
import type { RowSource } from './archive-pages.ts'

/** Part 0 of a day is its partition; further parts are rows that came after it was sealed. */
export type PartName = { table: string; day: string; part: number }

/** What is known of an object that was found equal to its rows. Instants as microseconds since 1970. */
export type Proof = {
  key: string
  bytes: number
  sha256: string
  totals: { rows: string; checksum: string; first: string | null; last: string | null }
  versions: Record<string, string>
  /** Seal under which its rows were read; null for parts other than 0. */
  sealedAt: string | null
}

export const rowsOfDay = (column: string, day: string): string =>
  `${column} >= '${day} 00:00:00+00'::timestamptz and ${column} < '${day} 00:00:00+00'::timestamptz + interval '24 hours'`

const LATER_ROWS = (column: string, { day, part }: PartName): string => `part = ${part} and ${rowsOfDay(column, day)}`

/** Where the rows of a part are in Postgres. `later` and `instant` describe the table. */
export const rowSource = async (
  pool: Pool,
  name: PartName,
  { later, instant }: { later: string; instant: string },
): Promise<RowSource> => {
  if (name.part > 0) return { relation: later, where: LATER_ROWS(instant, name) }
  const { rows } = await pool.query<{ name: string }>('select partition_name($1, $2) as name', [name.table, name.day])
  return { relation: rows[0]?.name ?? '', where: 'true' }
}

const DROPPED = `
select object_key as key, bytes::float8 as bytes, sha256 from archives
where table_name = $1 and day = $2 and part = $3 and dropped_at is not null and restored_at is null`

/** The object of a part whose rows are in it alone: whoever put another in its place would lose them. */
export const readDropped = async (
  pool: Pool,
  { table, day, part }: PartName,
): Promise<Pick<Proof, 'key' | 'bytes' | 'sha256'> | undefined> =>
  (await pool.query<Pick<Proof, 'key' | 'bytes' | 'sha256'>>(DROPPED, [table, day, part])).rows[0]

/** Since when the partition takes no changes; seals it where nobody has. Text with all microseconds. */
export const sealPart = async (pool: Pool, { table, day }: PartName): Promise<string> => {
  const { rows } = await pool.query<{ at: string }>('select seal_partition($1, $2)::text as at', [table, day])
  return rows[0]?.at ?? ''
}

/** Gives a number to the rows of a sealed day that have none. Once more: nothing. */
export const assignLater = async (
  pool: Pool,
  { table, day, part }: PartName,
  { later, instant }: { later: string; instant: string },
): Promise<void> => {
  const unassigned = LATER_ROWS(instant, { table, day, part }).replace(`part = ${part}`, 'part is null')
  await pool.query(
    `update ${later} set part = $1 where ${unassigned} and not exists (select from archives where table_name = $2 and day = $3 and part = $1)`,
    [part, table, day],
  )
}

const RECORD = `
insert into archives (table_name, day, part, object_key, bytes, rows, checksum, sha256, first_captured_at, last_captured_at, versions, sealed_at)
select $1, $2, $3, $4, $5, $6, $7, $8, to_timestamp(0) + $9::bigint * interval '1 microsecond',
  to_timestamp(0) + $10::bigint * interval '1 microsecond', $11, $12
where $12::timestamptz is null or exists (
  select from partition_seals where table_name = $1 and day = $2 and sealed_at = $12 and dropped_at is null)
on conflict (table_name, day, part) do update set
  object_key = excluded.object_key, bytes = excluded.bytes, rows = excluded.rows, checksum = excluded.checksum,
  sha256 = excluded.sha256, first_captured_at = excluded.first_captured_at, last_captured_at = excluded.last_captured_at,
  versions = excluded.versions, sealed_at = excluded.sealed_at, proved_at = now(), created_at = now(), restored_at = null, dropped_at = null
where archives.dropped_at is null or archives.restored_at is not null`

/** Of a day that was restored and is archived anew: its partition holds what they held. */
const REPLACE = `
with gone as (
  delete from archives where table_name = $1 and day = $2 and part > 0 and restored_at is not null returning object_key)
insert into archive_objects (object_key, table_name, day, replaced_at)
select object_key, $1, $2, now() from gone
on conflict (object_key) do update set replaced_at = excluded.replaced_at`

/** No seal keeps rows from rows that came later. */
const countRows = async (client: PoolClient, { relation, where }: RowSource): Promise<string | undefined> =>
  (await client.query<{ n: string }>(`select count(*)::text as n from ${relation} where ${where}`)).rows[0]?.n

/**
 * Writes down what was proved, and which objects nobody reads any more.
 *
 * @returns in words why it was not: the proof does not stand.
 */
export const recordProof = (
  pool: Pool,
  { table, day, part }: PartName,
  { source, ...proof }: Proof & { source: RowSource },
): Promise<string | undefined> =>
  unlessDifferent(pool, async (client) => {
    const { key, bytes, sha256, totals, versions, sealedAt } = proof
    // Before the seal is looked at: else it may be another one once the row is written.
    if (part === 0) await client.query(LOCK_PARTITIONS, [table])
    else if ((await countRows(client, source)) !== totals.rows) return 'rows came to the part while it was proved'
    const { rows, checksum, first, last } = totals
    const object = [key, bytes, rows, checksum, sha256, first, last, toJson(versions), sealedAt]
    if ((await client.query(RECORD, [table, day, part, ...object])).rowCount !== 1)
      return 'the day was unsealed or dropped meanwhile'
    if (part === 0) await client.query(REPLACE, [table, day])
    return undefined
  })
