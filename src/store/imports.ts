import type { ClientBase, Pool, PoolClient } from 'pg'
import type { BookLevels } from '../domain/book.ts'
import { toMillionths } from '../domain/decimal.ts'
import type { TimeSpan } from '../domain/span.ts'
import type { DeadLetter } from '../normalizer/batch.ts'
import type { FilledSpan } from '../normalizer/span-walk.ts'
import { withClient } from './checkout.ts'
import { copyLines } from './script.ts'
import { writeDeadLetters } from './dead-letters.ts'
import { readFreeSpans, type HasUnread } from './import-free.ts'

/** What an import writes of one market. `source` labels the rows. */
export type MarketImport = { marketId: string; importId: string; source: ImportSource; origin: string; span: TimeSpan }

export type ImportStores = { pool: Pool; hasUnread: HasUnread }

/** Whole books, or prices alone: those fill no span that anything else has filled. */
type ImportSource = 'pmxt' | 'prices_history'

const DAY_MS = 86_400_000
const COLUMNS = 'id, captured_at, source_ts, source_received_at, price, size, market_id, outcome_id, side, kind, source'
const CAPTURED_AT = 1
/** One import of a market at a time: what is free stays free until it is filled. */
const LOCK = `select pg_try_advisory_xact_lock(hashtext('imports'), hashtext($1)) as is_held`

/** Does not wait: that would keep the connection from everybody else. */
const lockMarket = async (client: ClientBase, marketId: string): Promise<void> => {
  const { rows } = await client.query<{ is_held: boolean }>(LOCK, [marketId])
  if (rows[0]?.is_held !== true) throw new Error(`waits for its turn: another import writes market ${marketId}`)
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString()

const LEFT = `
select o.outcome_id, coalesce((
  select jsonb_agg(jsonb_build_array(b.side, b.price::text, b.size::text)) from imported_book_at(o.outcome_id, $2) b), '[]') as levels
from outcomes o
where o.market_id = $1 and exists (
  select from imported_spans i where i.outcome_id = o.outcome_id and i.source <> 'prices_history' and i.ends_at = $3)
  and exists (select from imported_state_at(o.outcome_id, $2))`

type LeftRecord = { outcome_id: string; levels: ['bid' | 'ask', string, string][] }

/** Books that an earlier import left where this one begins. */
const readLeftBooks = async (
  client: ClientBase,
  { marketId, span }: Pick<MarketImport, 'marketId' | 'span'>,
): Promise<Map<string, BookLevels>> => {
  const values = [marketId, iso(span.fromTimeMs - 1), iso(span.fromTimeMs)]
  const { rows } = await client.query<LeftRecord>(LEFT, values)
  const toLevels = (levels: LeftRecord['levels'], wanted: 'bid' | 'ask') =>
    levels.flatMap(([side, priceText, sizeText]) =>
      side === wanted
        ? [{ price: toMillionths(priceText) ?? 0, size: toMillionths(sizeText) ?? 0, priceText, sizeText }]
        : [],
    )
  return new Map(
    rows.map(({ outcome_id, levels }) => [
      outcome_id,
      { bids: toLevels(levels, 'bid'), asks: toLevels(levels, 'ask') },
    ]),
  )
}

const EARLIER = `
select outcome_id, extract(epoch from begins_at)::float8 * 1000 as from_ms, extract(epoch from ends_at)::float8 * 1000 as to_ms,
  rows::float8 as rows
from imported_spans
where market_id = $1 and source <> 'prices_history' and begins_at < date_trunc('hour', $3::timestamptz, 'UTC') + interval '1 hour'
  and ends_at > date_trunc('hour', $2::timestamptz, 'UTC')`

type EarlierRecord = { outcome_id: string; from_ms: number; to_ms: number; rows: number }

/** Spans of the hours of this one. Not their rows: those of days in the archive are not here. */
const readEarlier = async (
  client: ClientBase,
  { marketId, span }: MarketImport,
): Promise<Map<string, FilledSpan[]>> => {
  const values = [marketId, iso(span.fromTimeMs), iso(span.toTimeMs)]
  const { rows } = await client.query<EarlierRecord>(EARLIER, values)
  const earlier = new Map<string, FilledSpan[]>()
  for (const { outcome_id, from_ms, to_ms, rows: count } of rows) {
    const one = { fromTimeMs: Math.round(from_ms), toTimeMs: Math.round(to_ms), rows: count }
    earlier.set(outcome_id, [...(earlier.get(outcome_id) ?? []), one])
  }
  return earlier
}

const SEALED = `select day::text as day from partition_seals where table_name = 'order_books' and day = any($1::date[])`

const daysOf = ({ fromTimeMs, toTimeMs }: TimeSpan): string[] => {
  const first = Math.floor(fromTimeMs / DAY_MS)
  const count = Math.floor((toTimeMs - 1) / DAY_MS) - first + 1
  return Array.from({ length: count }, (_, index) => iso((first + index) * DAY_MS).slice(0, 10))
}

/** Makes the partitions that rows of the span need; of a day that is in the archive none is made. */
export const ensureDays = async (pool: Pool, span: TimeSpan): Promise<void> => {
  for (const day of daysOf(span)) await pool.query('select ensure_order_books_partition($1)', [day])
}

const readSealed = async (client: ClientBase, span: TimeSpan): Promise<ReadonlySet<string>> => {
  const { rows } = await client.query<{ day: string }>(SEALED, [daysOf(span)])
  return new Set(rows.map(({ day }) => day))
}

const CLAIM = `
insert into imported_spans (outcome_id, market_id, begins_at, ends_at, rows, source, origin, import_id)
select outcome_id, $2, begins_at, ends_at, rows, $3, $4, $5
from jsonb_to_recordset($1::jsonb) as n(outcome_id text, begins_at timestamptz, ends_at timestamptz, rows bigint)`

/** Says that spans are filled, in the transaction of their rows. */
export const claimSpans = async (
  client: ClientBase,
  { marketId, source, origin, importId }: MarketImport,
  filled: { outcomeId: string; spans: FilledSpan[] }[],
): Promise<void> => {
  const rows = filled.flatMap(({ outcomeId, spans }) =>
    spans.map(({ fromTimeMs, toTimeMs, rows: count }) => ({
      outcome_id: outcomeId,
      begins_at: iso(fromTimeMs),
      ends_at: iso(toTimeMs),
      rows: count,
    })),
  )
  if (rows.length > 0) await client.query(CLAIM, [JSON.stringify(rows), marketId, source, origin, importId])
}

const COUNT_LETTERS = 'select count(*)::int as count from dead_letters where stream = $1 and entry_id = $2'

/** Keeps so many letters of an import, first come; all are counted by who writes them. */
const keepLetters = async (client: ClientBase, letters: DeadLetter[], most: number): Promise<void> => {
  const [first] = letters
  if (first === undefined) return
  const { rows } = await client.query<{ count: number }>(COUNT_LETTERS, [first.stream, first.entryId])
  await writeDeadLetters(client, letters.slice(0, Math.max(0, most - (rows[0]?.count ?? 0))))
}

export type OpenImport = {
  client: PoolClient
  free: Map<string, TimeSpan[]>
  left: Map<string, BookLevels>
  earlier: Map<string, FilledSpan[]>
  /** COPY lines, to the day's partition or, where the day is sealed, to the rows that come later. */
  copy: (lines: string[]) => Promise<void>
  keepLetters: (letters: DeadLetter[], most: number) => Promise<void>
}

/**
 * Runs `work` in one transaction that holds the market's spans.
 *
 * @throws Error while another import holds them, or the normalizer is behind.
 */
export const importMarket = <T>(
  { pool, hasUnread }: ImportStores,
  given: MarketImport,
  work: (open: OpenImport) => Promise<T>,
): Promise<T> =>
  withClient(pool, async (client) => {
    try {
      await client.query('begin')
      await lockMarket(client, given.marketId)
      const sealed = await readSealed(client, given.span)
      const isSealed = (line: string): boolean => sealed.has((line.split('\t', 2)[CAPTURED_AT] ?? '').slice(0, 10))
      const result = await work({
        client,
        free: await readFreeSpans(client, given, hasUnread),
        left: await readLeftBooks(client, given),
        earlier: await readEarlier(client, given),
        copy: async (lines) => {
          const later = sealed.size === 0 ? [] : lines.filter(isSealed)
          const now = sealed.size === 0 ? lines : lines.filter((line) => !isSealed(line))
          await copyLines(client, `order_books (${COLUMNS})`, now)
          await copyLines(client, `order_books_later (${COLUMNS})`, later)
        },
        keepLetters: (letters, most) => keepLetters(client, letters, most),
      })
      await client.query('commit')
      return result
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  })

const WRITTEN = `
select coalesce(sum(rows), 0)::float8 as rows, count(*)::int as spans from imported_spans where import_id = $1 and source = $2`

/** All that an import has written so far, whoever wrote it. */
export const readWritten = async (
  pool: Pool,
  importId: string,
  source: string,
): Promise<{ rows: number; spans: number }> => {
  const { rows } = await pool.query<{ rows: number; spans: number }>(WRITTEN, [importId, source])
  return rows[0] ?? { rows: 0, spans: 0 }
}

const KEYS = `
select o.tokens as key, o.market_id from outcomes o where o.tokens = any($1) and ($2::text[] is null or o.market_id = any($2))
union
select lower(m.condition_id), m.market_id from markets m
where m.condition_id = any($1) and ($2::text[] is null or m.market_id = any($2))`

/** Markets that tokens or condition ids are of; `marketIds`: no others. A condition id of two markets is left out. */
export const findMarketsByKey = async (
  pool: Pool,
  keys: string[],
  marketIds: string[] | undefined,
): Promise<{ key: string; marketId: string }[]> => {
  const { rows } = await pool.query<{ key: string; market_id: string }>(KEYS, [keys, marketIds ?? null])
  const byKey = new Map<string, string>()
  const twice = new Set<string>()
  for (const { key, market_id } of rows) {
    if (byKey.has(key)) twice.add(key)
    byKey.set(key, market_id)
  }
  return [...byKey].flatMap(([key, marketId]) => (twice.has(key) ? [] : [{ key, marketId }]))
}
