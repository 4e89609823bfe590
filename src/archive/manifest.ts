import type { Pool } from 'pg'

/** One object of the archive, proved equal to its rows in Postgres. Instants as text with microseconds, UTC. */
export type Manifest = {
  table: string
  day: string
  part: number
  key: string
  bytes: number
  rows: number
  /** Decimal text: it has more digits than a number. */
  checksum: string
  sha256: string
  firstCapturedAt: string | null
  lastCapturedAt: string | null
  /** The rows are in the object alone. Else Postgres has them too, and there they are to be read. */
  isDropped: boolean
}

const instantText = (column: string): string => `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

const READ = `
select table_name as "table", day::text as day, part::int as part, object_key as key, bytes::text as bytes, rows::text as rows,
  checksum::text as checksum, sha256, ${instantText('first_captured_at')} as "firstCapturedAt",
  ${instantText('last_captured_at')} as "lastCapturedAt", dropped_at is not null as "isDropped"
from archives
where table_name = $1 and day >= ($2::timestamptz at time zone 'utc')::date and day <= ($3::timestamptz at time zone 'utc')::date
  and restored_at is null
order by day, part`

type Row = Omit<Manifest, 'bytes' | 'rows'> & { bytes: string; rows: string }

/** Whoever reads rows of Postgres beside the objects passes the client of the transaction in which it reads them. */
export const readManifest = async (
  client: Pick<Pool, 'query'>,
  { table, from, to }: { table: string; from: string; to: string },
): Promise<Manifest[]> => {
  const { rows } = await client.query<Row>(READ, [table, from, to])
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes), rows: Number(row.rows) }))
}
