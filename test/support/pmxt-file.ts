import { literal, openDuckdb } from '../../src/archive/duckdb.ts'
import { tmpdir } from 'node:os'

type PmxtLevel = [price: string, size: string]

/** What the other recorder saw. `receivedTimeMs` is its clock; */
export type PmxtSeen = {
  conditionId: string
  token: string
  receivedTimeMs: number
  venueTimeMs: number
} & (
  | { type: 'book'; bids: PmxtLevel[]; asks: PmxtLevel[] }
  | { type: 'change'; side: 'BUY' | 'SELL'; price: string; size: string }
)

const objects = (levels: PmxtLevel[]) => JSON.stringify(levels.map(([price, size]) => ({ price, size })))

const v2Of = (seen: PmxtSeen) => {
  const shared = {
    timestamp_received: seen.receivedTimeMs,
    timestamp: seen.venueTimeMs,
    market: seen.conditionId,
    asset_id: seen.token,
    best_bid: '0.1',
  }
  const none = { bids: null, asks: null, price: null, size: null, side: null }
  if (seen.type === 'book') {
    return { ...shared, event_type: 'book', ...none, bids: objects(seen.bids), asks: objects(seen.asks) }
  }
  const { price, size, side } = seen
  return { ...shared, event_type: 'price_change', ...none, price, size, side }
}

const v1Of = (seen: PmxtSeen) => {
  const { conditionId, token, receivedTimeMs, venueTimeMs } = seen
  const update_type = seen.type === 'book' ? 'book_snapshot' : 'price_change'
  const shared = { update_type, market_id: conditionId, token_id: token, side: 'YES', timestamp: venueTimeMs / 1_000 }
  const data =
    seen.type === 'book'
      ? { ...shared, bids: seen.bids, asks: seen.asks }
      : { ...shared, change_price: seen.price, change_size: seen.size, change_side: seen.side }
  return {
    timestamp_received: receivedTimeMs,
    timestamp_created_at: venueTimeMs,
    market_id: conditionId,
    update_type,
    data: JSON.stringify(data),
  }
}

const AS_TIME = (column: string) => `make_timestamp(${column}::bigint * 1000)::timestamptz as ${column}`
const COLUMNS = {
  v2: `${AS_TIME('timestamp_received')}, ${AS_TIME('timestamp')}, market, event_type, asset_id, bids, asks,
    price::decimal(9, 4) as price, size::decimal(18, 6) as size, side, best_bid`,
  v1: `${AS_TIME('timestamp_received')}, ${AS_TIME('timestamp_created_at')}, market_id, update_type, data`,
}

/** Writes a Parquet file of these rows, in their order. `columns`: SQL over the rows' texts. */
export const writeParquet = async (path: string, rows: object[], columns: string): Promise<void> => {
  using database = await openDuckdb({ memoryBytes: 200_000_000, threads: 1, folder: tmpdir() })
  const { connection } = database
  await connection.run('set preserve_insertion_order = true')
  await connection.run('create temp table lines (line json)')
  const appender = await connection.createAppender('lines')
  for (const row of rows) {
    appender.appendVarchar(JSON.stringify(row))
    appender.endRow()
  }
  appender.closeSync()
  const names = Object.keys(rows[0] ?? {}).map((name) => `line ->> '$.${name}' as ${name}`)
  await connection.run(
    `copy (select ${columns} from (select ${names.join(', ')} from lines)) to ${literal(path)} (format parquet)`,
  )
}

/** A file as the pmxt archive has them, of either version. */
export const writePmxt = (path: string, version: 'v1' | 'v2', seen: PmxtSeen[]): Promise<void> =>
  writeParquet(path, version === 'v2' ? seen.map(v2Of) : seen.map(v1Of), COLUMNS[version])
