import type { ClientBase, Pool } from 'pg'
import type { FillNews } from '../domain/fill.ts'
import type { FillRow } from '../normalizer/batch.ts'
import { RETURNED_FILL, SAME_FILL, toNews, type ReturnedFill } from './fill-news.ts'
import { instant } from './instant.ts'
import { toJson } from './json.ts'
import { createScript, type Script } from './script.ts'

const GIVEN = `jsonb_to_recordset($1::jsonb) as g(
  position int, market_id text, outcome_id text, side text, price numeric(18, 6), size numeric(24, 6), tx_hash text,
  ordinal int, captured_at timestamptz, source_ts timestamptz, source_received_at timestamptz)`

/** Equal fills of that time without a transaction hash. By market and time: equal prices and sizes are thousands. */
const COUNT_AT_TIME = `
  select count(*) from fills f where f.market_id = g.market_id and f.source_ts = g.source_ts and f.tx_hash is null
    and f.outcome_id = g.outcome_id and f.side = g.side and f.price = g.price and f.size = g.size`

const KEY = 'tx_hash, outcome_id, side, price, size, ordinal'

/**
 * Whether a fill is there is asked by a subquery of one row, which is looked up by the key: `not exists` was planned as a
 * join with all fills, and took a commit of four of them 20 ms at 12,000 stored ones.
 */
const insertFrom = (rows: string): string => `
insert into fills (market_id, outcome_id, side, price, size, tx_hash, ordinal, source, captured_at, source_ts, source_received_at)
select market_id, outcome_id, side, price, size, tx_hash, ordinal, 'market_channel', captured_at, source_ts, source_received_at
from (${rows}) g
where (select f.fill_id from fills f where ${SAME_FILL} and f.source <> 'data_api') is null
order by ${KEY}
on conflict (${KEY}) do update set source = 'both',
  captured_at = excluded.captured_at, source_ts = excluded.source_ts, source_received_at = excluded.source_received_at
where fills.source = 'data_api'
returning ${RETURNED_FILL}`

/**
 * With a transaction hash, a fill is (hash, outcome, side, price, size, ordinal): the unique key decides. A copy that
 * another connection brought changes nothing; where so far only the Data API has told of the fill, the row gets the
 * market channel's clocks. Shard 0 may write the Data API's word of it at the same moment: whoever comes second waits for
 * the first and then finds its row. Both write in the order of the key, so that they cannot wait for each other.
 */
const INSERT_HASHED = insertFrom(`select distinct on (${KEY}) * from ${GIVEN} order by ${KEY}, position`)

/**
 * Without one (older recordings), it is (outcome, side, price, size, venue time, ordinal at that time), since the same
 * price and size come back all day. The unique key has no time in it, so the stored ordinal goes on from the highest of
 * equal price and size, and whether the fill is there already is decided by counting those of its venue time: with two
 * stored, ordinals 0 and 1 are copies and ordinal 2 is new. That holds across connections (the maximum of their counts
 * is kept) and restarts, as long as one transaction at a time writes a market, which the fence sees to.
 */
const INSERT_HASHLESS = insertFrom(`
  with given as (
    select distinct on (outcome_id, side, price, size, ordinal, source_ts) g.*
    from ${GIVEN}
    order by outcome_id, side, price, size, ordinal, source_ts, position
  )
  select market_id, outcome_id, side, price, size, tx_hash,
    coalesce((select max(f.ordinal) + 1 from fills f where f.tx_hash is null and f.outcome_id = g.outcome_id
      and f.side = g.side and f.price = g.price and f.size = g.size), 0)
      + (row_number() over (partition by outcome_id, side, price, size order by position))::int - 1 as ordinal,
    captured_at, source_ts, source_received_at
  from given g where g.ordinal >= (${COUNT_AT_TIME})`)

const toRows = (fills: FillRow[]) =>
  fills.map((fill, position) => ({
    position,
    market_id: fill.marketId,
    outcome_id: fill.outcomeId,
    side: fill.side,
    price: fill.priceText,
    size: fill.sizeText,
    tx_hash: fill.transactionHash ?? null,
    ordinal: fill.ordinal,
    captured_at: instant(fill.capturedTimeMs),
    source_ts: instant(fill.exchangeTimeMs),
    source_received_at: instant(fill.sourceReceivedTimeMs),
  }))

const isHashed = ({ transactionHash }: FillRow): boolean => transactionHash !== undefined

/** What inserts them, with its parameter. */
const insertions = (fills: FillRow[]): [statement: string, rows: string][] => {
  const given: [string, FillRow[]][] = [
    [INSERT_HASHED, fills.filter(isHashed)],
    [INSERT_HASHLESS, fills.filter((fill) => !isHashed(fill))],
  ]
  return given.filter(([, some]) => some.length > 0).map(([statement, some]) => [statement, toJson(toRows(some))])
}

/** As a part of a script, whose end tells the news. */
export const scriptFills = (script: Script, fills: FillRow[], news: FillNews[]): void => {
  for (const [statement, rows] of insertions(fills)) {
    script.ask(statement, [rows], (written) => {
      news.push(...(written as ReturnedFill[]).map(toNews).filter(({ source }) => source === 'market_channel'))
    })
  }
}

/**
 * Appends fills of the market channel, each once: equal ones of one connection have ordinals, and those that are there
 * already are left out. Adds the new ones to `news`.
 */
export const writeFills = async (client: ClientBase, fills: FillRow[], news: FillNews[]): Promise<void> => {
  const script = createScript()
  scriptFills(script, fills, news)
  await script.send(client)
}

const STORED = `
select g.position from ${GIVEN}
where case when g.tx_hash is null then g.ordinal < (${COUNT_AT_TIME})
  else exists (select from fills f where ${SAME_FILL} and f.source <> 'data_api') end`

/** Those among the fills that Postgres has from the market channel, exactly. */
export const findStoredFills = async (pool: Pool, fills: FillRow[]): Promise<FillRow[]> => {
  if (fills.length === 0) return []
  const result = await pool.query<{ position: number }>(STORED, [toJson(toRows(fills))])
  const positions = new Set(result.rows.map((row) => row.position))
  return fills.filter((_, position) => positions.has(position))
}
