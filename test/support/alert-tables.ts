import type pg from 'pg'
import { until } from './normalizer-shard.ts'

export type Fired = { crossing: number; value: string | null; key: string; condition: string }
type Rule = { state: string; crossing: number; invalid_reason: string | null; is_checked: boolean }

/** Rules as a user writes and reads them. */
export const createAlertTables = (pool: pg.Pool) => {
  const ruleOf = async (alertId: string): Promise<Rule | undefined> => {
    const sql = 'select *, checked_at is not null as is_checked from alert_rules where alert_id = $1'
    return (await pool.query<Rule>(sql, [alertId])).rows[0]
  }
  return {
    ruleOf,
    write: async (rule: Record<string, unknown>): Promise<string> => {
      const given = { user_id: 'u', ...rule }
      const columns = Object.keys(given).map((name) => `"${name}"`)
      const places = columns.map((_, at) => `$${at + 1}`)
      const sql = `insert into alerts (${columns.join(', ')}) values (${places.join(', ')}) returning alert_id`
      return (await pool.query<{ alert_id: string }>(sql, Object.values(given))).rows[0]?.alert_id ?? ''
    },
    firedOf: async (alertId: string): Promise<Fired[]> => {
      const sql = `select crossing, trim_scale(value)::text as value, idempotency_key as key, condition from alert_events
        where alert_id = $1 order by crossing`
      return (await pool.query<Fired>(sql, [alertId])).rows
    },
    /** Taken up as it is written now, and valid. */
    taken: (alertId: string): Promise<void> =>
      until(`rule ${alertId} is taken up`, async () => {
        const rule = await ruleOf(alertId)
        return rule?.is_checked === true && rule.invalid_reason === null
      }),
    refused: (alertId: string, reason: string): Promise<void> =>
      until(`rule ${alertId} is marked: ${reason}`, async () =>
        ((await ruleOf(alertId))?.invalid_reason ?? '').includes(reason),
      ),
  }
}
