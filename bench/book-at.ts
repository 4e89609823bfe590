import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { openPostgres } from '../test/support/services.ts'

/**
 * How long `book_at` takes as a client sees it (one connection, round trip and planning included), at random instants of
 * a recorded day: 200 markets (400 outcomes), 50 rows/s in all (4.32 M rows), 40 levels a book, the first checkpoint of
 * each hour (what is left of past hours), partitions of 30 days before and 7 after.
 */
const { values } = parseArgs({
  options: {
    markets: { type: 'string', default: '200' },
    rate: { type: 'string', default: '50' },
    calls: { type: 'string', default: '5000' },
    /** Market n gets traffic in proportion to 1 / n^skew; 0 = all alike. */
    skew: { type: 'string', default: '0' },
    'no-checkpoints': { type: 'boolean', default: false },
  },
})
const DAY_MS = 86_400_000
const markets = Number(values.markets)
const rate = Number(values.rate)
const skew = Number(values.skew)
const rowCount = Math.round((rate * DAY_MS) / 1_000)
const day = Math.floor(Date.now() / DAY_MS) - 1
const startText = new Date(day * DAY_MS).toISOString()

const load = (): string => loadavg().map((value) => value.toFixed(2)).join(' ') // prettier-ignore
const seconds = (sinceMs: number): string => `${((Date.now() - sinceMs) / 1_000).toFixed(1)} s`

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

const fill = async (client: pg.Client): Promise<void> => {
  const startMs = Date.now()
  await client.query("set work_mem = '256MB'")
  await client.query(PARTITIONS, [startText])
  await client.query(SHARES, [skew, markets])
  await client.query(SHARE_LIST)
  await client.query(SNAPSHOTS, [startText, markets])
  await client.query(CHANGES, [startText, rowCount])
  await client.query('vacuum analyze order_books')
  console.log(`${rowCount.toLocaleString('en-US')} changes of ${markets * 2} outcomes written in ${seconds(startMs)}`)
  if (values['no-checkpoints']) return
  const hoursMs = Date.now()
  for (let hour = 0; hour < 24; hour++) {
    await client.query(CHECKPOINTS, [new Date(day * DAY_MS + hour * 3_600_000 + 60_000).toISOString(), markets])
  }
  await client.query('vacuum analyze book_checkpoints')
  console.log(`their hourly checkpoints written in ${seconds(hoursMs)}`)
}

const quantile = (sorted: number[], share: number): string =>
  `${(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN).toFixed(2)} ms`

const OUTCOME = 'select n from shares where upto >= $1 order by n limit 1'

const measure = async (client: pg.Client, name: string, sql: string): Promise<void> => {
  const tookMs: number[] = []
  let levels = 0
  for (let call = 0; call < Number(values.calls); call++) {
    const { rows: chosen } = await client.query<{ n: number }>(OUTCOME, [Math.random()])
    const n = chosen[0]?.n ?? 0
    const at = new Date(day * DAY_MS + Math.random() * DAY_MS).toISOString()
    const begin = process.hrtime.bigint()
    const { rowCount: count } = await client.query(sql, [`${Math.floor(n / 2)}:${n % 2}`, at])
    tookMs.push(Number(process.hrtime.bigint() - begin) / 1e6)
    levels += count ?? 0
  }
  const sorted = tookMs.toSorted((left, right) => left - right)
  const line = [0.5, 0.95, 0.99, 1].map(
    (share, index) => `${['p50', 'p95', 'p99', 'max'][index]} ${quantile(sorted, share)}`,
  )
  console.log(
    `${name.padEnd(14)} ${line.join('  ')}  (${(levels / sorted.length).toFixed(1)} rows a call, load ${load()})`,
  )
}

const main = async (): Promise<void> => {
  console.log(`load before: ${load()} on ${availableParallelism()} cores`)
  await using postgres = await openPostgres()
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  await fill(client)
  await client.query('reset work_mem')
  await client.query('checkpoint')
  console.log(`${values.calls} calls each, outcomes by traffic (skew ${skew}), instants anywhere in the day`)
  await measure(client, 'book_at', 'select * from book_at($1, $2)')
  await measure(client, 'book_state_at', 'select * from book_state_at($1, $2)')
  await client.end()
}

await main()
