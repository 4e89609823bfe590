import type { Pool } from 'pg'
import { withClient } from '../../src/store/checkout.ts'
import { writeMarkets } from '../../src/store/markets.ts'

const conditionOf = (marketId: string) => `0x${marketId.padStart(64, '0')}`
const tokenOf = (outcomeId: string) => `7000${outcomeId.replace(':', '000')}`

/** As the venue names an outcome. */
export const namesOf = (outcomeId: string) => {
  const marketId = outcomeId.split(':')[0] ?? ''
  return { conditionId: conditionOf(marketId), token: tokenOf(outcomeId) }
}

/** A market of two outcomes that polytape knows. */
export const addMarket = async (pool: Pool, marketId: string): Promise<void> => {
  const outcomes = [0, 1].map((index) => {
    const outcomeId = `${marketId}:${index}`
    return { outcomeId, name: String(index), token: tokenOf(outcomeId) }
  })
  const market = {
    marketId,
    conditionId: conditionOf(marketId),
    slug: marketId,
    question: '?',
    status: 'active' as const,
  }
  const rest = { feeBps: undefined, endTimeMs: undefined, tickSize: '0.01', minOrderSize: '5', negRisk: false, version: undefined } // prettier-ignore
  await withClient(pool, (client) => writeMarkets(client, [{ ...market, outcomes, ...rest }]))
}

export type Look = { state: string; sequence: string | null; levels: [string, string, string][] }

const LOOK = `
select s.state, s.sequence, (select coalesce(jsonb_agg(jsonb_build_array(b.side, b.price::text, b.size::text)), '[]')
  from book_at($1, q.at) b) as levels
from unnest($2::timestamptz[]) with ordinality as q (at, place), book_state_at($1, q.at) s order by q.place`

/** What Postgres says of a book at these instants. */
export const look = async (pool: Pool, outcomeId: string, instants: number[]): Promise<Look[]> =>
  (await pool.query<Look>(LOOK, [outcomeId, instants.map((at) => new Date(at).toISOString())])).rows

export const rowsOf = async (pool: Pool, outcomeId: string, table = 'order_books') =>
  (await pool.query(`select * from ${table} where outcome_id = $1 order by captured_at, id`, [outcomeId])).rows
