import type { Pool } from 'pg'

const BY_NAME = `
select tokens as name, market_id from outcomes where tokens = any($1)
union all
select condition_id, market_id from markets where condition_id = any($1)`

/** Market id by token or condition id; names that no market has are absent. */
export const findMarkets = async (pool: Pool, names: string[]): Promise<Map<string, string>> => {
  if (names.length === 0) return new Map()
  const result = await pool.query<{ name: string; market_id: string }>(BY_NAME, [[...new Set(names)]])
  return new Map(result.rows.map((row) => [row.name, row.market_id]))
}

/** Market id -> when its row was last written, in epoch ms; markets without a row are absent. */
export const findUpdates = async (pool: Pool, marketIds: string[]): Promise<Map<string, number>> => {
  if (marketIds.length === 0) return new Map()
  const result = await pool.query<{ market_id: string; updated_at: Date }>(
    'select market_id, updated_at from markets where market_id = any($1)',
    [[...new Set(marketIds)]],
  )
  return new Map(result.rows.map((row) => [row.market_id, row.updated_at.getTime()]))
}
