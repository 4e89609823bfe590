import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Pool } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { withClient } from './checkout.ts'

/** Rows of one table of Postgres; `where` picks some. Both are texts of ours, never of somebody else. */
export type RowSource = { relation: string; where: string }

export type PageRange = { from: number; to: number }

/** 32 MB of the table, some 300,000 rows: half a second or so, and no transaction is longer. */
const PAGES_PER_READ = 4_096

/**
 * Reads go by pages and not by the key: rows of an outcome lie scattered over the whole day, and in the order of the key each
 * row was a page of its own to fetch (three times the time from memory, a hundred times from a disk). Pages of a sealed
 * partition do not change.
 */
export const pageRanges = async (pool: Pool, { relation }: RowSource): Promise<PageRange[]> => {
  const sql = `select (pg_relation_size($1::regclass) / current_setting('block_size')::int)::int as pages`
  const { rows } = await pool.query<{ pages: number }>(sql, [relation])
  const pages = rows[0]?.pages ?? 0
  return Array.from({ length: Math.ceil(pages / PAGES_PER_READ) }, (_, index) => ({
    from: index * PAGES_PER_READ,
    to: (index + 1) * PAGES_PER_READ,
  }))
}

const within = ({ relation, where }: RowSource, { from, to }: PageRange): string =>
  `from ${relation} where ctid >= '(${from},0)' and ctid < '(${to},0)' and ${where}`

const BEGIN = `begin read only; set local timezone = 'UTC'; set local datestyle = 'ISO'; set local jit = off`

type Chunk = { source: RowSource; range: PageRange; columns: string; options: string; path: string }

/** Writes the rows of some pages to a file. */
export const copyPages = (pool: Pool, chunk: Chunk, signal: AbortSignal): Promise<void> =>
  withClient(
    pool,
    async (client) => {
      const { source, range, columns, options, path } = chunk
      await client.query(BEGIN)
      const rows = client.query(copyTo(`copy (select ${columns} ${within(source, range)}) to stdout (${options})`))
      await pipeline(rows, createWriteStream(path), { signal })
      await client.query('commit')
    },
    { isCutOnError: true },
  )

/** `totals`: a select list of aggregates. */
export const sumPages = <Row extends object>(
  pool: Pool,
  { source, range, totals }: { source: RowSource; range: PageRange; totals: string },
): Promise<Row | undefined> =>
  withClient(
    pool,
    async (client) => {
      await client.query(BEGIN)
      const { rows } = await client.query<Row>(`select ${totals} ${within(source, range)}`)
      await client.query('commit')
      return rows[0]
    },
    { isCutOnError: true },
  )
