import type { Pool } from 'pg'

/** In the order of time; both outcomes of a market change together, as the venue has it. */
const FILL = `
insert into order_books (id, captured_at, source_ts, price, size, market_id, outcome_id, side, kind)
select sequence * 65536, instant, instant - (2 + floor(lag * 12)) * interval '1 millisecond',
  case when o = 0 then price else 1 - price end, size, market, market || ':' || o,
  case when (price < 0.5) = (o = 0) then 'bid' else 'ask' end, 'change'
from (
  select (516000 + n)::text as market, row_number() over (partition by n order by tick) as sequence,
    date_trunc('milliseconds', $1::date::timestamp at time zone 'UTC' + interval '1 microsecond' * floor(tick * 86400000000.0 / ($2::int / 2 + 1))) as instant, price, size, lag, tick
  from (
    select tick, floor($3::int * power(random(), 3))::int as n, (floor(random() * 98) + 1)::numeric / 100 as price, random() as lag,
      case when random() < 0.25 then 0 else round((random() * random() * 20000)::numeric, 2) end as size
    from generate_series(1, $2::int / 2) tick offset 0) made) numbered,
  generate_series(0, 1) o
order by tick`

/** A day of `rows` rows of order_books, as live recording makes them. */
export const fillBookDay = async (pool: Pool, day: string, rows: number, markets: number): Promise<void> => {
  await pool.query('select ensure_order_books_partition($1)', [day])
  await pool.query(FILL, [day, rows, markets])
  await pool.query('vacuum analyze order_books')
  await pool.query('checkpoint')
}
