import type { Pool, PoolClient } from 'pg'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { readBooksAt, type BookAsOf } from '../../store/as-of.ts'
import { withClient } from '../../store/checkout.ts'
import { writeAnswer } from './answer.ts'
import { needFrom, readBegins, type BookBegin, type Instant } from './book-begins.ts'
import { openQuery, type QueryDeps } from './open-query.ts'
import { openWorkspace, type Reach } from './workspace.ts'

/** A snapshot before which no checkpoint stands is looked for ever further back. */
const DAY_MS = 86_400_000
const LOOK_BACKS_MS = [DAY_MS, 31 * DAY_MS]

/** Where some of the rows are not in `order_books`: they came later, or are in the archive. */
const ELSEWHERE = `
select exists (
  select from partition_seals
  where table_name = 'order_books' and day <= ($2::timestamptz at time zone 'UTC')::date
    and day >= ($1::timestamptz at time zone 'UTC')::date)
or exists (
  select from archives
  where table_name = 'order_books' and dropped_at is not null and restored_at is null
    and day <= ($2::timestamptz at time zone 'UTC')::date and day >= ($1::timestamptz at time zone 'UTC')::date)
or exists (
  select from order_books_later
  where outcome_id = any ($3) and captured_at >= $1 and captured_at <= $2) as is_elsewhere`

const isElsewhere = async (pool: Pool, fromTimeMs: number, { outcomeIds, atTimeMs }: Instant): Promise<boolean> => {
  const span = [fromTimeMs, atTimeMs].map((timeMs) => new Date(timeMs).toISOString())
  const { rows } = await pool.query<{ is_elsewhere: boolean }>(ELSEWHERE, [...span, outcomeIds])
  return rows[0]?.is_elsewhere === true
}

const COLUMNS = 'outcome_id, captured_at, id, sequence, market_id, side, kind, price, size, source_ts'
const STATEMENT = `select ${COLUMNS} from order_books`

/**
 * Hide the tables of these names until the transaction ends: the functions of Postgres see all rows, and no day as gone.
 * How long that takes is bounded by how much is read.
 */
const STAGE = `
set local statement_timeout = 0;
create temp table order_books (like order_books including indexes) on commit drop;
create temp table partition_seals (like partition_seals) on commit drop`

const copyFile = async (client: PoolClient, path: string): Promise<void> => {
  const into = client.query(copyFrom(`copy order_books (${COLUMNS}) from stdin (format csv, header)`))
  await pipeline(createReadStream(path), into)
}

/** `maxBytes`: as of a query. */
export type Wanted = Instant & { marketId: string; maxBytes: number }
export type BookDeps = Omit<QueryDeps, 'connection' | 'folder'> & Pick<Reach, 'objectFolders'>

/** What `use` says of the rows from an instant on, wherever they lie. */
const withRows = async <T>(
  deps: BookDeps,
  { marketId, outcomeIds, atTimeMs, maxBytes, fromTimeMs }: Wanted & { fromTimeMs: number },
  use: (client: PoolClient) => Promise<T>,
): Promise<T> => {
  await using workspace = await openWorkspace(deps)
  const scope = { markets: { marketIds: [marketId], outcomeIds }, fromTimeMs, toTimeMs: atTimeMs + 1 }
  const { columns } = await openQuery({ ...deps, ...workspace }, { statement: STATEMENT, scope, maxBytes })
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

type Rebuilt = { books: BookAsOf[]; isWhole: boolean }

const rebuild = (deps: BookDeps, wanted: Wanted, fromTimeMs: number): Promise<Rebuilt> =>
  withRows(deps, { ...wanted, fromTimeMs }, async (client) => {
    const begins = await readBegins(client, wanted)
    const isBegun = (begin: BookBegin): boolean =>
      begin.type === 'none' || (begin.type === 'known' && begin.timeMs >= fromTimeMs)
    return { books: await readBooksAt(client, wanted.outcomeIds, wanted.atTimeMs), isWhole: begins.every(isBegun) }
  })

/**
 * The books of these outcomes as of an instant, also of a day that is in the archive or on its way there: its rows are
 * brought into a temporary table, on which the same functions of Postgres work as ever. Where none are needed, nothing is read.
 *
 * @throws ScanTooLarge, before a row is read.
 */
export const readBooksAnywhere = async (deps: BookDeps, wanted: Wanted): Promise<BookAsOf[]> => {
  const begins = await readBegins(deps.pool, wanted)
  const froms = LOOK_BACKS_MS.map((lookBackMs) => needFrom(begins, wanted.atTimeMs - lookBackMs))
  let books: BookAsOf[] | undefined
  for (const fromTimeMs of new Set(froms)) {
    if (fromTimeMs === undefined || !(await isElsewhere(deps.pool, fromTimeMs, wanted))) continue
    const rebuilt = await rebuild(deps, wanted, fromTimeMs)
    books = rebuilt.books
    if (rebuilt.isWhole) break
  }
  return books ?? readBooksAt(deps.pool, wanted.outcomeIds, wanted.atTimeMs)
}
