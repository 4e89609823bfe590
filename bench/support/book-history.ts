import type pg from 'pg'
import { secondsText } from './live.ts'

export type HistoryOptions = {
  markets: number
  /** Rows a second over all markets. */
  rate: number
  /** Market n gets traffic in proportion to 1 / n^skew; 0 = all alike. */
  skew: number
  hasCheckpoints: boolean
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** Yesterday, which has ended. */
export const historyStartMs = (): number => (Math.floor(Date.now() / DAY_MS) - 1) * DAY_MS

const PARTITIONS = `select ensure_order_books_partition($1::date + n) from generate_series(-30, 7) n`

/** Cumulative shares of the outcomes: a row's outcome is the first whose share reaches a random number. */
const SHARES = `
create temporary table shares as
select n - 1 as n, sum(power(ceil(n / 2.0), -$1::float8)) over (order by n) / sum(power(ceil(n / 2.0), -$1::float8)) over () as upto
from generate_series(1, $2::int * 2) n`
const SHARE_LIST = 'create temporary table share_list as select array_agg(upto order by n) as list from shares'

const SNAPSHOTS = `
insert into order_books (id, captured_at, source_ts, price, size, market_id, outcome_id, side, kind)
select 65536 + level, $1::timestamptz, $1::timestamptz, (case when level < 20 then 0.49 - level * 0.01 else 0.31 + level * 0.01 end),
  100 + level, (n / 2)::text, (n / 2) || ':' || (n % 2), case when level < 20 then 'bid' else 'ask' end, 'snapshot'
from generate_series(0, $2::int * 2 - 1) n, generate_series(0, 39) level`

/** In the order of time, as they were committed: the rows of an outcome lie scattered over all pages of the day. */
const CHANGES = `
insert into order_books (id, captured_at, source_ts, price, size, market_id, outcome_id, side, kind)
select (1 + row_number() over (partition by n order by tick)) * 65536,
  $1::timestamptz + tick * interval '1 millisecond' * (86400000.0 / $2::int), $1::timestamptz + tick * interval '1 millisecond' * (86400000.0 / $2::int),
  (case when level < 20 then 0.49 - level * 0.01 else 0.31 + level * 0.01 end),
  case when chance < 0.1 then 0 else round((chance * 5000)::numeric, 2) end,
  (n / 2)::text, (n / 2) || ':' || (n % 2), case when level < 20 then 'bid' else 'ask' end, 'change'
from (
  select tick, width_bucket(random(), (select list from share_list)) as n, floor(random() * 40)::int as level, random() as chance
  from generate_series(1, $2::int) as tick offset 0) made
order by tick`

const CHECKPOINTS = `
insert into book_checkpoints (outcome_id, sequence, market_id, stream_id, epoch, ordinal, captured_at, tick_size, bids, asks, resume)
select s.outcome_id, s.sequence, split_part(s.outcome_id, ':', 1), '0-0', 'bench', 1, s.captured_at, '0.01',
  coalesce(jsonb_agg(jsonb_build_array(b.price::text, b.size::text)) filter (where b.side = 'bid'), '[]'),
  coalesce(jsonb_agg(jsonb_build_array(b.price::text, b.size::text)) filter (where b.side = 'ask'), '[]'),
  '{"status": "following"}'
from (select (n / 2) || ':' || (n % 2) as outcome_id, q.sequence, q.captured_at
      from generate_series(0, $2::int * 2 - 1) n, book_state_at((n / 2) || ':' || (n % 2), $1::timestamptz) q) s,
  book_at(s.outcome_id, s.captured_at) b
group by s.outcome_id, s.sequence, s.captured_at on conflict do nothing`

/** A recorded day with its hourly checkpoints, partitions of 30 days before and 7 after. */
export const fillHistory = async (
  client: pg.Client,
  { markets, rate, skew, hasCheckpoints }: HistoryOptions,
  say: (line: string) => void,
): Promise<void> => {
  const startMs = Date.now()
  const dayMs = historyStartMs()
  const [startText, rowCount] = [new Date(dayMs).toISOString(), Math.round((rate * DAY_MS) / 1_000)]
  await client.query("set work_mem = '256MB'")
  await client.query(PARTITIONS, [startText])
  await client.query(SHARES, [skew, markets])
  await client.query(SHARE_LIST)
  await client.query(SNAPSHOTS, [startText, markets])
  await client.query(CHANGES, [startText, rowCount])
  await client.query('vacuum analyze order_books')
  const outcomes = markets * 2
  say(
    `${rowCount.toLocaleString('en-US')} changes of ${outcomes} outcomes written in ${secondsText(Date.now() - startMs)} s`,
  )
  if (hasCheckpoints) {
    for (let hour = 0; hour < 24; hour++)
      await client.query(CHECKPOINTS, [new Date(dayMs + hour * HOUR_MS + 60_000).toISOString(), markets])
    await client.query('vacuum analyze book_checkpoints')
  }
  await client.query('reset work_mem')
  await client.query('checkpoint')
  say(`checkpoints and all, ${secondsText(Date.now() - startMs)} s`)
}
