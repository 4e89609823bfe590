import type { Pool, PoolClient } from 'pg'
import { withClient } from './checkout.ts'

/** Until the end of the transaction nobody seals or opens a day of the table, or drops one. */
export const LOCK_PARTITIONS = 'select lock_partitions($1)'

/**
 * In one transaction, of which nothing stays where `run` answers in words what is not as it was proved. What it waits for is
 * held for a moment, by who seals or makes partitions; nobody waits behind it.
 */
export const unlessDifferent = (
  pool: Pool,
  run: (client: PoolClient) => Promise<string | undefined>,
): Promise<string | undefined> =>
  withClient(pool, async (client) => {
    try {
      await client.query(`begin; set local lock_timeout = '10s'`)
      const difference = await run(client)
      await client.query(difference === undefined ? 'commit' : 'rollback')
      return difference
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  })
