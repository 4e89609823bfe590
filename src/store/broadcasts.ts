import type { Pool } from 'pg'

/** Broadcasts of the venue by market: `announced` by `new_market`, `resolved` by `market_resolved`. */
export type Broadcasts = { announced: string[]; resolved: string[] }

const STANDING = 'select market_id, status from markets where market_id = any($1)'

/** Those that would change nothing: the market has a row, and for a resolution the row says so. */
export const findKnownBroadcasts = async (pool: Pool, { announced, resolved }: Broadcasts): Promise<Broadcasts> => {
  if (announced.length + resolved.length === 0) return { announced: [], resolved: [] }
  const marketIds = [...new Set([...announced, ...resolved])]
  const result = await pool.query<{ market_id: string; status: string }>(STANDING, [marketIds])
  const standing = new Map(result.rows.map((row) => [row.market_id, row.status]))
  return {
    announced: announced.filter((marketId) => standing.has(marketId)),
    resolved: resolved.filter((marketId) => standing.get(marketId) === 'resolved'),
  }
}
