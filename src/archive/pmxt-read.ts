import { join } from 'node:path'
import type { PmxtRow } from '../venue/pmxt/row.ts'
import { literal, openDuckdb, toTexts } from './duckdb.ts'
import { stagedPath } from './pmxt-stage.ts'

/**
 * A row with its place in the file. `seenTimeMs`: undefined where its time is none of the file's. `placeTimeMs`: when it was
 * seen, or then the row of its outcome before it.
 */
export type StagedRow = PmxtRow & {
  marketId: string
  row: number
  seenTimeMs: number | undefined
  placeTimeMs: number
  receivedTimeMs: number | undefined
}

const MEMORY_BYTES = 200_000_000

const READ = `
select market_id, row::varchar, seen_ms::varchar, place_ms::varchar, received_ms::varchar, venue_ms::varchar, condition_id, token, kind,
  bids, asks, price, size, side, body
from read_parquet($path) where market_id > $after`

const number = (text: string | null): number | undefined => (text === null ? undefined : Number(text))

const toRow = (cells: (string | null)[]): StagedRow => {
  const [marketId, row, seen, place, received, venue, conditionId, token, kind, bids, asks, price, size, side, body] =
    cells
  const seenTimeMs = number(seen ?? null)
  return {
    marketId: marketId ?? '',
    row: Number(row),
    seenTimeMs,
    placeTimeMs: Number(place),
    receivedTimeMs: number(received ?? null),
    venueTimeMs: number(venue ?? null) ?? seenTimeMs ?? 0,
    conditionId: conditionId ?? '',
    token: token ?? null,
    kind: kind ?? '',
    bids: bids ?? null,
    asks: asks ?? null,
    price: price ?? null,
    size: size ?? null,
    side: side ?? null,
    body: body ?? null,
  }
}

/** The staged rows of the markets after one, market by market in the order of time. Streamed: no more than a chunk is held. */
export async function* readStaged(folder: string, after: string): AsyncIterable<StagedRow> {
  using database = await openDuckdb({ memoryBytes: MEMORY_BYTES, threads: 1, folder: join(folder, 'spill') })
  const { connection } = database
  await connection.run('set preserve_insertion_order = true')
  const query = READ.replace('$path', () => literal(stagedPath(folder))).replace('$after', () => literal(after))
  const result = await connection.stream(query)
  for await (const rows of result.yieldRowsJson()) {
    for (const cells of rows) yield toRow(toTexts(cells))
  }
}
