import type { Pool } from 'pg'
import type { Mark } from '../domain/mark.ts'
import { toJson } from './json.ts'

/** Of one pass. What is left over is taken when its outcome's turn comes again, the oldest marks first. */
const MOST_ROWS = 20_000

export type OpenOutcome = { outcomeId: string; isInGap: boolean }

const OPEN = `
select p.outcome_id, exists (select from feed_gaps g where g.outcome_id = p.outcome_id and g.closed_at is null) as in_gap
from (
  select distinct outcome_id from positions where payout is null and held > 0 and outcome_id > $1
  order by outcome_id limit $2
) p order by p.outcome_id`

/** Outcomes of which somebody holds shares that are not settled: in their order so many after one of them, or after ''. */
export const readOpenOutcomes = async (pool: Pool, afterId: string, most: number): Promise<OpenOutcome[]> => {
  const { rows } = await pool.query<{ outcome_id: string; in_gap: boolean }>(OPEN, [afterId, most])
  return rows.map((row) => ({ outcomeId: row.outcome_id, isInGap: row.in_gap }))
}

/** Never waits for a row: what a commit holds is marked by the next pass, so that no commit can wait for it in a circle. */
const MARK = `
with due as (
  select p.position_id, n.price, n.state
  from jsonb_to_recordset($1::jsonb) as n(outcome_id text, price numeric, state text)
  join positions p using (outcome_id)
  where p.payout is null and p.held > 0
    and (p.mark_state is distinct from n.state or p.mark_price is distinct from n.price)
  order by p.marked_at nulls first limit ${MOST_ROWS}
  for no key update of p skip locked
)
update positions p set mark_price = due.price, mark_state = due.state, marked_at = now()
from due where p.position_id = due.position_id`

/** Writes marks to the open positions whose mark is another. Returns how many that were. */
export const writeMarks = async (pool: Pool, marks: Mark[]): Promise<number> => {
  if (marks.length === 0) return 0
  const rows = marks.map(({ outcomeId, priceText, state }) => ({
    outcome_id: outcomeId,
    price: priceText ?? null,
    state,
  }))
  return (await pool.query(MARK, [toJson(rows)])).rowCount ?? 0
}
