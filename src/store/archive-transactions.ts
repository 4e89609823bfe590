import type { Pool, PoolClient } from 'pg'
import { withClient } from './checkout.ts'

/** Until the end of the transaction nobody seals or opens a day of the table, or drops one. */
export const LOCK_PARTITIONS = 'select lock_partitions($1)'

/**
 * In one transaction. What it waits for is held for a moment, by who seals or makes partitions; nobody waits behind it.
 *
 * @param isKept of what `run` answers: else everything is undone.
 */
export const atomically = <T>(
  pool: Pool,
  run: (client: PoolClient) => Promise<T>,
  isKept: (result: T) => boolean = () => true,
): Promise<T> =>
  withClient(pool, async (client) => {
    try {
      await client.query(`begin; set local lock_timeout = '10s'`)
      const result = await run(client)
      await client.query(isKept(result) ? 'commit' : 'rollback')
      return result
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  })
