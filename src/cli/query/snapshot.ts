import type { Pool, PoolClient } from 'pg'
import { SnapshotOutdated } from './partitions.ts'

const MOST_TRIES = 5

const SETTINGS = `
set local lock_timeout = '10s';
set local statement_timeout = 0;
set local timezone = 'UTC';
set local datestyle = 'ISO';
set local intervalstyle = 'postgres'`

/** A client that failed is closed: it may be in the midst of a COPY, which cannot be ended otherwise. */
const inSnapshot = async <T>(pool: Pool, use: (client: PoolClient) => Promise<T>): Promise<T> => {
  const client = await pool.connect()
  // A cut connection is the error of its query, and an event besides, which would end the process where nobody listens.
  const ignore = (): void => undefined
  client.on('error', ignore)
  try {
    await client.query('begin isolation level repeatable read read only')
    await client.query(SETTINGS)
    const result = await use(client)
    await client.query('commit')
    client.off('error', ignore)
    client.release()
    return result
  } catch (error) {
    client.release(true)
    throw error
  }
}

/** Postgres as it is at one instant; `use` runs again, in a new snapshot, where it finds that the last one is outdated. */
export const withSnapshot = async <T>(pool: Pool, use: (client: PoolClient) => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await inSnapshot(pool, use)
    } catch (error) {
      if (!(error instanceof SnapshotOutdated) || tries === MOST_TRIES) throw error
    }
  }
}
