import type { Pool, PoolClient } from 'pg'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { readBooksAt, type BookAsOf } from '../../store/as-of.ts'
import { withClient } from '../../store/checkout.ts'
import { writeAnswer } from './answer.ts'
import { openQuery, type QueryDeps } from './open-query.ts'
import { openWorkspace, type Reach } from './workspace.ts'

/** History that was imported has no checkpoints: a snapshot is looked for this far back. */
const DAY_MS = 86_400_000
const LONGEST_LOOK_BACK_MS = 31 * DAY_MS

const BASE = `
select min(extract(epoch from date_trunc('milliseconds', b.captured_at)) * 1000)::float8 as begins,
  bool_and(b.captured_at is not null) as is_known
from unnest($1::text[]) as wanted (outcome_id), book_base_at(wanted.outcome_id, $2) b`

const SEALED = `
select exists (
  select from partition_seals
  where table_name = 'order_books' and day <= ($2::timestamptz at time zone 'UTC')::date
    and day >= ($1::timestamptz at time zone 'UTC')::date) as is_sealed`

type Base = { begins: number | null; is_known: boolean }
type Queryable = Pick<Pool, 'query'>

/** Where rebuilds of these outcomes begin; undefined where one of them has no beginning in what `client` sees. */
const readBegin = async (client: Queryable, { outcomeIds, atTimeMs }: Wanted): Promise<number | undefined> => {
  const { rows } = await client.query<Base>(BASE, [outcomeIds, new Date(atTimeMs).toISOString()])
  return rows[0]?.is_known === true ? (rows[0].begins ?? undefined) : undefined
}

const isSealed = async (client: Queryable, fromTimeMs: number, { atTimeMs }: Wanted): Promise<boolean> => {
  const span = [fromTimeMs, atTimeMs].map((timeMs) => new Date(timeMs).toISOString())
  return (await client.query<{ is_sealed: boolean }>(SEALED, span)).rows[0]?.is_sealed === true
}

const COLUMNS = 'outcome_id, captured_at, id, sequence, market_id, side, kind, price, size, source_ts'
const STATEMENT = `select ${COLUMNS} from order_books`

/** Hide the tables of these names until the transaction ends: the functions of Postgres see all rows, and no day as gone. */
const STAGE = `
create temp table order_books (like order_books including indexes) on commit drop;
create temp table partition_seals (like partition_seals) on commit drop`

const copyFile = async (client: PoolClient, path: string): Promise<void> => {
  const into = client.query(copyFrom(`copy order_books (${COLUMNS}) from stdin (format csv, header)`))
  await pipeline(createReadStream(path), into)
}

export type Wanted = { marketId: string; outcomeIds: string[]; atTimeMs: number }
export type BookDeps = Omit<QueryDeps, 'connection' | 'folder'> & Pick<Reach, 'objectFolders'>

/** What `use` says of the rows from an instant on, wherever they lie. */
const withRows = async <T>(
  deps: BookDeps,
  { marketId, outcomeIds, atTimeMs, fromTimeMs }: Wanted & { fromTimeMs: number },
  use: (client: PoolClient) => Promise<T>,
): Promise<T> => {
  await using workspace = await openWorkspace(deps)
  const scope = { markets: { marketIds: [marketId], outcomeIds }, fromTimeMs, toTimeMs: atTimeMs + 1 }
  const { columns } = await openQuery({ ...deps, ...workspace }, { statement: STATEMENT, scope, maxBytes: Infinity })
  const output = join(workspace.folder, 'rows.csv')
  await writeAnswer(workspace, { statement: STATEMENT, columns, format: 'csv' }, { output, out: process.stdout })
  return await withClient(deps.pool, async (client) => {
    try {
      await client.query('begin')
      await client.query(STAGE)
      await copyFile(client, output)
      return await use(client)
    } finally {
      await client.query('rollback').catch(() => undefined)
    }
  })
}

/** Rebuilds from the newest snapshot, looked for ever further back. */
const readWithoutBase = async (deps: BookDeps, wanted: Wanted): Promise<BookAsOf[]> => {
  let books: BookAsOf[] = []
  for (const lookBackMs of [DAY_MS, LONGEST_LOOK_BACK_MS]) {
    const isWhole = await withRows(deps, { ...wanted, fromTimeMs: wanted.atTimeMs - lookBackMs }, async (client) => {
      books = await readBooksAt(client, wanted.outcomeIds, wanted.atTimeMs)
      return (await readBegin(client, wanted)) !== undefined
    })
    if (isWhole || books.every(({ quality }) => quality === 'imported')) break
  }
  return books
}

/**
 * The books of these outcomes as of an instant, also of a day that is in the archive or on its way there: its rows are
 * brought into a temporary table, on which the same functions of Postgres work as ever.
 */
export const readBooksAnywhere = async (deps: BookDeps, wanted: Wanted): Promise<BookAsOf[]> => {
  const fromTimeMs = await readBegin(deps.pool, wanted)
  if (!(await isSealed(deps.pool, fromTimeMs ?? wanted.atTimeMs - LONGEST_LOOK_BACK_MS, wanted))) {
    return readBooksAt(deps.pool, wanted.outcomeIds, wanted.atTimeMs)
  }
  if (fromTimeMs === undefined) return readWithoutBase(deps, wanted)
  return withRows(deps, { ...wanted, fromTimeMs }, (client) => readBooksAt(client, wanted.outcomeIds, wanted.atTimeMs))
}
