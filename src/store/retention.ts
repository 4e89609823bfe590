import type { Pool } from 'pg'
import { withClient } from './checkout.ts'

/** Days for which rows are kept; 0 = for ever. */
export type RetentionDays = Record<AgedTable, number>
type AgedTable = (typeof AGED)[number]['table']

/** `expireSome` deletes a bounded number of what is too old, in a transaction of its own; 0: nothing is left of it. */
export type Expiry = { table: string; expireSome: () => Promise<number> }

/**
 * By what each table is old: never what is still under way (an open gap or alert, a delivery, what is known at present). What
 * is partitioned loses whole partitions, and none that the archive has sealed.
 */
const AGED = [
  { table: 'dead_letters', old: 'first_seen_at < $1' },
  { table: 'alert_events', old: `delivery in ('delivered', 'given_up') and recorded_at < $1` },
  { table: 'feed_alerts', old: 'recovered_at < $1' },
  { table: 'feed_gaps', old: 'closed_at < $1' },
  { table: 'market_changes', old: 'valid_to < $1' },
  { table: 'derived_metrics', old: undefined },
  { table: 'liquidity_events', old: undefined },
] as const

const ROWS_AT_ONCE = 5_000
const DAY_MS = 86_400_000

/** Rows that somebody else holds are left for the next time. */
const deletionOf = (table: AgedTable, old: string): string => `
delete from ${table} where ctid = any(array(
  select ctid from ${table} where ${old} limit ${ROWS_AT_ONCE} for update skip locked))`

const DROP = 'select expire_partition($1, $2) as name'

const deleteSome = (pool: Pool, sql: string, before: Date): Promise<number> =>
  withClient(pool, async (client) => {
    try {
      await client.query(`begin; set local lock_timeout = '2s'; set local statement_timeout = '30s'`)
      const { rowCount } = await client.query(sql, [before])
      await client.query('commit')
      return rowCount ?? 0
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  })

const dropOne = async (pool: Pool, table: AgedTable, before: Date): Promise<number> => {
  const { rows } = await pool.query<{ name: string | null }>(DROP, [table, before])
  return rows.filter(({ name }) => name !== null).length
}

/** How each table that is not kept for ever loses what is too old. */
export const createExpiries = (pool: Pool, retention: RetentionDays): Expiry[] =>
  AGED.filter(({ table }) => retention[table] > 0).map(({ table, old }) => {
    const before = (): Date => new Date(Date.now() - retention[table] * DAY_MS)
    const expireSome = (): Promise<number> =>
      old === undefined ? dropOne(pool, table, before()) : deleteSome(pool, deletionOf(table, old), before())
    return { table, expireSome }
  })
