import type { Pool } from 'pg'
import type { BudgetState } from '../cost/budget.ts'
import type { Estimate } from '../cost/estimate.ts'
import { NOTHING_SHED, type Shed, type ShedTier } from '../domain/shed.ts'
import { withClient } from './checkout.ts'

/** What is shed, why, and what it costs; `state` and `estimate` are undefined before the first. */
export type CostShed = {
  shed: Shed
  state: BudgetState | undefined
  estimate: Estimate | undefined
  checkedTimeMs: number
}

/** What a look finds. `estimate`: undefined where it found nothing to reckon with. */
export type CostLook = { state: BudgetState; levels: number; estimate: Estimate | undefined }

const COLUMNS = `tier, levels, generation, state, estimate, extract(epoch from checked_at) * 1000 as checked_ms`
const READ = `select ${COLUMNS} from cost_shed where name = 'budget'`
/** One look at a time, also where two control workers take one each and there is no row yet. */
const LOCK = `select pg_advisory_xact_lock(hashtext('cost_shed'))`
const WRITE = `
insert into cost_shed as c (name, tier, levels, generation, changed_at, checked_at, state, estimate)
values ('budget', $1, $2, (extract(epoch from now()) * 1000)::bigint, now(), now(), $3, $4)
on conflict (name) do update set
  generation = case when (c.tier, c.levels) = (excluded.tier, excluded.levels) then c.generation
    else greatest(c.generation + 1, excluded.generation) end,
  changed_at = case when c.tier = excluded.tier then c.changed_at else excluded.changed_at end,
  tier = excluded.tier, levels = excluded.levels, checked_at = excluded.checked_at, state = excluded.state,
  estimate = coalesce(excluded.estimate, c.estimate)
returning ${COLUMNS}`

type Row = {
  tier: ShedTier
  levels: number
  generation: string
  state: BudgetState
  estimate: Estimate | null
  checked_ms: string
}

const toCostShed = (row: Row | undefined): CostShed => {
  if (row === undefined) return { shed: NOTHING_SHED, state: undefined, estimate: undefined, checkedTimeMs: 0 }
  const { tier, levels, generation, state, estimate, checked_ms: checkedMs } = row
  const shed = { tier, levels, generation: Number(generation) }
  return { shed, state, estimate: estimate ?? undefined, checkedTimeMs: Number(checkedMs) }
}

export const readCostShed = async (pool: Pool): Promise<CostShed> => {
  const { rows } = await pool.query<Row>(READ)
  return toCostShed(rows[0])
}

/** Remembers what a look makes of what stands. */
export const changeCostShed = (
  pool: Pool,
  look: (standing: CostShed) => CostLook,
): Promise<{ before: CostShed; after: CostShed }> =>
  withClient(pool, async (client) => {
    try {
      await client.query(`begin; set local lock_timeout = '5s'; set local statement_timeout = '5s'`)
      await client.query(LOCK)
      const standing = await client.query<Row>(READ)
      const before = toCostShed(standing.rows[0])
      const { state, levels, estimate } = look(before)
      const values = [
        state.tier,
        levels,
        JSON.stringify(state),
        estimate === undefined ? null : JSON.stringify(estimate),
      ]
      const written = await client.query<Row>(WRITE, values)
      await client.query('commit')
      return { before, after: toCostShed(written.rows[0]) }
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  })
