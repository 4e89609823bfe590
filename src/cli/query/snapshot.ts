import type { Pool, PoolClient } from 'pg'
import { hotTablesOf, type QueryTable } from './tables.ts'

/** A drop waits 300 ms for us and then comes again: nobody holds these tables for long. */
const LOCK_TIMEOUT_MS = 10_000

const SETTINGS = `
set local lock_timeout = ${LOCK_TIMEOUT_MS};
set local statement_timeout = 0;
set local timezone = 'UTC';
set local datestyle = 'ISO';
set local intervalstyle = 'postgres'`

/**
 * Postgres as it is at one instant, in which no partition of these tables can be dropped or come back: the locks are taken
 * before the snapshot, so that what the catalogue shows (which no snapshot holds still) and what the rows say is the same.
 * Writers are not held up; a drop is, as by every reader.
 *
 * A client that failed is closed: it may be in the midst of a COPY, which cannot be ended otherwise.
 */
export const withSnapshot = async <T>(
  pool: Pool,
  tables: QueryTable[],
  use: (client: PoolClient) => Promise<T>,
): Promise<T> => {
  const locked = tables.flatMap(hotTablesOf)
  const client = await pool.connect()
  client.on('error', () => undefined)
  try {
    await client.query('begin isolation level repeatable read read only')
    await client.query(SETTINGS)
    if (locked.length > 0) await client.query(`lock table ${locked.join(', ')} in access share mode`)
    const result = await use(client)
    await client.query('commit')
    client.release()
    return result
  } catch (error) {
    client.release(true)
    throw error
  }
}
