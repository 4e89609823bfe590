import type { Pool } from 'pg'
import type { Market } from '../../domain/market.ts'
import { readMarkets } from '../../store/markets.ts'

/** `outcomes` are those that were asked for: both, or the one that was named. */
export type Found = { market: Market; outcomes: Market['outcomes'] }

const FIND = `
select m.market_id, o.outcome_id from markets m
left join outcomes o on o.market_id = m.market_id and (o.outcome_id = $1 or o.tokens = $1)
where m.market_id in (
  select market_id from markets where market_id = $1 or slug = $1
  union select market_id from markets where condition_id = lower($1) and $1 ilike '0x%'
  union select market_id from outcomes where outcome_id = $1 or tokens = $1)
order by m.market_id`

const NEAR = `
select market_id, slug, (select count(*)::int from markets) as known from markets
where slug ilike '%' || $1 || '%' or question ilike '%' || $1 || '%' order by length(slug), market_id limit 5`

const COUNT = 'select count(*)::int as known from markets'

/** For LIKE: what a person types is no pattern. */
const literal = (text: string): string => text.replace(/[\\%_]/g, '\\$&')

const unknown = async (pool: Pool, text: string): Promise<Error> => {
  const near = await pool.query<{ market_id: string; slug: string }>(NEAR, [literal(text)])
  const known = (await pool.query<{ known: number }>(COUNT)).rows[0]?.known ?? 0
  const lines = near.rows.map((row) => `  ${row.market_id}  ${row.slug}`)
  const advice =
    lines.length > 0
      ? `did you mean\n${lines.join('\n')}`
      : 'list them: npm run sql -- "select market_id, slug from markets order by slug"'
  return new Error(
    `expected the id, slug or outcome id of one of the ${known} markets that polytape knows, got "${text}"\n${advice}`,
  )
}

/** @throws Error that says what was expected and what is near. */
export const findMarket = async (pool: Pool, text: string): Promise<Found> => {
  const { rows } = await pool.query<{ market_id: string; outcome_id: string | null }>(FIND, [text])
  const [first] = rows
  if (first === undefined) throw await unknown(pool, text)
  if (rows.length > 1) {
    const ids = rows.map((row) => row.market_id).join(', ')
    throw new Error(`"${text}" is the slug of ${rows.length} markets: name one by its id: ${ids}`)
  }
  const [market] = await readMarkets(pool, [first.market_id])
  if (market === undefined) throw await unknown(pool, text)
  const named = market.outcomes.filter((outcome) => outcome.outcomeId === first.outcome_id)
  return { market, outcomes: named.length > 0 ? named : market.outcomes }
}
