import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { TimeSpan } from '../domain/span.ts'
import type { Column, PmxtLayout } from '../venue/pmxt/layout.ts'
import { literal, openDuckdb, textRows } from './duckdb.ts'

/** A token or condition id that a file names, and the market that it is of. */
type KnownKey = { key: string; marketId: string }

export type StageDeps = {
  layoutOf: (columns: Column[]) => PmxtLayout | undefined
  /** Those of the keys that are known, and wanted. */
  findMarkets: (keys: string[]) => Promise<KnownKey[]>
}

/** What a file has. `rows`: of books, `staged` of them of known markets. The span is by its receive clock, whole hours if almost. */
export type Staged = TimeSpan & {
  version: 'v1' | 'v2'
  rows: number
  staged: number
  markets: number
}

/** The file cannot be imported, however often it is tried. */
class NotAnImport extends Error {
  readonly retryable = false
}

const MEMORY_BYTES = 300_000_000
const THREADS = 2
const KEYS_PER_QUESTION = 5_000
const KINDS = `('book', 'book_snapshot', 'price_change')`
/** Files hold an hour. What is further off than this from the middle one of their rows is no time of theirs. */
const LONGEST_OFF_MS = 2 * 3_600_000
const HOUR_MS = 3_600_000
/** Recorders change files a moment late: such an hour counts as whole. */
const SEAM_MS = 60_000

/** Of the machine, not of the file: the same file may do later. */
const PASSING = /^(IO Error: (?!No files|.*Permission denied)|Out of Memory|INTERRUPT)/i

const explained = (error: unknown): unknown =>
  !(error instanceof Error) || error instanceof NotAnImport || PASSING.test(error.message) || 'code' in error
    ? error
    : new NotAnImport(`expected a Parquet file that can be read, got: ${error.message}`, { cause: error })

const columnsOf = async (connection: DuckDBConnection, path: string): Promise<Column[]> => {
  const read = await connection.runAndReadAll(`describe select * from read_parquet(${literal(path)})`)
  return textRows(read).map(([name, type]) => ({ name: name ?? '', type: type ?? '' }))
}

const createSource = async (connection: DuckDBConnection, path: string, layout: PmxtLayout): Promise<void> => {
  const columns = Object.entries(layout.select).map(([name, sql]) => `${sql} as ${name}`)
  await connection.run(
    `create temp view source as select *, coalesce(received_ms, venue_ms) as seen_ms, coalesce(token, condition_id) as key
     from (select ${columns.join(', ')}, file_row_number from read_parquet(${literal(path)}, file_row_number = true))
     where kind in ${KINDS}`,
  )
}

const nameMarkets = async (connection: DuckDBConnection, { findMarkets }: StageDeps): Promise<void> => {
  await connection.run('create temp table known (key varchar primary key, market_id varchar)')
  const appender = await connection.createAppender('known')
  await connection.run('create temp table keys as select distinct key from source where key is not null')
  for (let first = 0; ; first += KEYS_PER_QUESTION) {
    const page = `select key from keys where rowid >= ${first} and rowid < ${first + KEYS_PER_QUESTION}`
    const keys = textRows(await connection.runAndReadAll(page)).flatMap(([key]) => key ?? [])
    if (keys.length === 0) break
    for (const { key, marketId } of await findMarkets(keys)) {
      appender.appendVarchar(key)
      appender.appendVarchar(marketId)
      appender.endRow()
    }
  }
  appender.closeSync()
}

/** A book's venue time may be hours old, a change is told at once: changes say when the file begins. */
const SPAN = `
with middle as (select approx_quantile(seen_ms, 0.5) as at from source),
near as (select kind, seen_ms from source, middle where abs(seen_ms - middle.at) <= ${LONGEST_OFF_MS})
select coalesce(min(seen_ms) filter (where kind = 'price_change'), min(seen_ms))::varchar, max(seen_ms)::varchar,
  (select count(*) from source)::varchar from near`

const toSpan = (first: number, last: number): TimeSpan => {
  const hourMs = Math.floor(first / HOUR_MS) * HOUR_MS
  const endMs = Math.ceil((last + 1) / HOUR_MS) * HOUR_MS
  return {
    fromTimeMs: first - hourMs <= SEAM_MS ? hourMs : first,
    toTimeMs: endMs - last <= SEAM_MS ? endMs : last + 1,
  }
}

const readSpan = async (connection: DuckDBConnection): Promise<{ span: TimeSpan; rows: number }> => {
  const [row] = textRows(await connection.runAndReadAll(SPAN))
  const [first, last, rows] = (row ?? []).map((value) => (value === null ? undefined : Number(value)))
  if (first === undefined || last === undefined) {
    throw new NotAnImport('expected rows of books with their times, found none')
  }
  return { span: toSpan(first, last), rows: rows ?? 0 }
}

const ROWS = ({ fromTimeMs, toTimeMs }: TimeSpan): string => `
create temp view rows as
select known.market_id, s.key, s.file_row_number as row,
  case when s.seen_ms >= ${toTimeMs} or s.seen_ms < ${fromTimeMs} and s.kind = 'price_change' then null
    else greatest(s.seen_ms, ${fromTimeMs}) end as seen_ms,
  s.received_ms, s.venue_ms, s.condition_id, s.token, s.kind, s.bids, s.asks, s.price, s.size, s.side, s.body
from source s join known on known.key = s.key`

const HAS_LOST = 'select count(*)::varchar from (select row from rows where seen_ms is null limit 1)'
/** A window over all rows sorts them once more, so it is made only where it is needed. */
const PLACE = 'coalesce(seen_ms, last_value(seen_ms ignore nulls) over (partition by key order by row)'

/**
 * By market and time, so that a market's rows are read one after the other. A time that is none of the file's is null: such a
 * row has the place of the row before it.
 */
const copyTo = async (connection: DuckDBConnection, path: string, span: TimeSpan): Promise<void> => {
  await connection.run(ROWS(span))
  const [found] = textRows(await connection.runAndReadAll(HAS_LOST))
  const place = found?.[0] === '0' ? 'seen_ms' : `${PLACE}, ${span.fromTimeMs})`
  await connection.run(
    `copy (select * exclude (key), ${place} as place_ms from rows order by market_id, place_ms, row)
     to ${literal(path)} (format parquet, compression zstd, row_group_size 100000)`,
  )
}

const COUNT = (path: string): string =>
  `select count(*)::varchar, count(distinct market_id)::varchar from read_parquet(${literal(path)})`

export const stagedPath = (folder: string): string => join(folder, 'staged.parquet')
const summaryPath = (folder: string): string => join(folder, 'staged.json')

const stage = async (path: string, folder: string, deps: StageDeps, signal: AbortSignal): Promise<Staged> => {
  using database = await openDuckdb({ memoryBytes: MEMORY_BYTES, threads: THREADS, folder: join(folder, 'spill') })
  const { connection } = database
  const interrupt = (): void => connection.interrupt()
  signal.addEventListener('abort', interrupt, { once: true })
  try {
    const columns = await columnsOf(connection, path)
    const layout = deps.layoutOf(columns)
    if (layout === undefined) {
      const names = columns.map(({ name }) => name).join(', ')
      throw new NotAnImport(
        `expected event_type and asset_id (v2), or update_type and data (v1), got the columns ${names}`,
      )
    }
    await createSource(connection, path, layout)
    const { span, rows } = await readSpan(connection)
    await nameMarkets(connection, deps)
    const partial = join(folder, `staged-${randomUUID()}.parquet`)
    await copyTo(connection, partial, span)
    const [counts] = textRows(await connection.runAndReadAll(COUNT(partial)))
    const [staged = 0, markets = 0] = (counts ?? []).map(Number)
    await rename(partial, stagedPath(folder))
    return { ...span, version: layout.version, rows, staged, markets }
  } catch (error) {
    throw explained(error)
  } finally {
    signal.removeEventListener('abort', interrupt)
  }
}

const readSummary = async (folder: string): Promise<Staged | undefined> => {
  try {
    const summary: Staged = JSON.parse(await readFile(summaryPath(folder), 'utf8'))
    return summary
  } catch {
    return undefined
  }
}

/**
 * Sorts what a file has of known markets into a Parquet file of its own, once: `folder` remembers it.
 *
 * @throws NotAnImport for a file of another kind.
 */
export const stagePmxt = async (
  { folder, open }: { folder: string; open: () => Promise<string> },
  deps: StageDeps,
  signal: AbortSignal,
): Promise<Staged> => {
  const before = await readSummary(folder)
  if (before !== undefined) return before
  await mkdir(folder, { recursive: true })
  const staged = await stage(await open(), folder, deps, signal)
  const partial = join(folder, `staged-${randomUUID()}.json`)
  await writeFile(partial, JSON.stringify(staged))
  await rename(partial, summaryPath(folder))
  return staged
}
