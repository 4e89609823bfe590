import type { Pool } from 'pg'
import type { PartName } from './archives.ts'
import { withClient } from './checkout.ts'

/** While `run` runs nobody else is at the day; undefined where somebody is. No transaction is open meanwhile. */
export const withDayLocked = <T>(
  pool: Pool,
  { table, day }: Pick<PartName, 'table' | 'day'>,
  run: () => Promise<T>,
): Promise<T | undefined> =>
  withClient(pool, async (client) => {
    const key = [`${table} of ${day}`]
    const sql = `select pg_try_advisory_lock(hashtext('archive'), hashtext($1)) as locked`
    const { rows } = await client.query<{ locked: boolean }>(sql, key)
    if (rows[0]?.locked !== true) return undefined
    try {
      return await run()
    } finally {
      await client.query(`select pg_advisory_unlock(hashtext('archive'), hashtext($1))`, key).catch(() => undefined)
    }
  })
