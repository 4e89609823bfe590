import type pg from 'pg'
import type { Ledger } from '../../src/emulator/ledger.ts'
import { until } from './system.ts'

const OPEN = `
select count(*)::int as open from ingestion_offsets
where jsonb_path_exists(kept::jsonb, '$.liquidity.outcomes[*].spans[*]')`

/** Levels whose liquidity events do not add up to their change since the first snapshot; of histories without a gap. */
const UNBALANCED = `
with said as (
  select outcome_id, side, price, sum(case type when 'liquidity_added' then amount else -amount end) as net
  from liquidity_events where price is not null group by 1, 2, 3
), first as (
  select outcome_id, side, price, size from order_books where kind = 'snapshot'
), last as (
  select distinct on (outcome_id, side, price) outcome_id, side, price, size
  from order_books order by outcome_id, side, price, captured_at desc, id desc
)
select outcome_id, side, price, said.net, first.size as first, last.size as last
from last left join first using (outcome_id, side, price) full join said using (outcome_id, side, price)
where coalesce(said.net, 0) is distinct from last.size - coalesce(first.size, 0)`

const TRADED = `
select split_part(outcome_id, ':', 1) as market_id, outcome_id, sum(amount)::float8 as traded
from liquidity_events where type = 'liquidity_traded' group by 2`

export type LiquidityVerdict = {
  unbalanced: unknown[]
  /** Outcomes of which more was traded than the ledger says. */
  invented: string[]
  /** Of what the ledger says was traded, in both books; 0 to 1. */
  explained: number
}

/** What the liquidity events say against the books and the emulator's ledger of trades. */
export const judgeLiquidity = async (pool: pg.Pool, ledger: Ledger): Promise<LiquidityVerdict> => {
  await until('the last second of each market is told', async () => {
    const { rows } = await pool.query<{ open: number }>(OPEN)
    return rows[0]?.open === 0
  })
  const { rows: unbalanced } = await pool.query(UNBALANCED)
  const { rows: said } = await pool.query<{ market_id: string; outcome_id: string; traded: number }>(TRADED)
  const traded = new Map<string, number>()
  for (const { marketId, size, sentCount } of ledger.trades) {
    if (sentCount > 0) traded.set(marketId, (traded.get(marketId) ?? 0) + Number(size))
  }
  const invented = said.filter(({ market_id, traded: sum }) => sum > (traded.get(market_id) ?? 0) + 1e-6)
  const total = 2 * [...traded.values()].reduce((sum, one) => sum + one, 0)
  const explained = said.reduce((sum, one) => sum + one.traded, 0) / total
  return { unbalanced, invented: invented.map(({ outcome_id }) => outcome_id), explained }
}
