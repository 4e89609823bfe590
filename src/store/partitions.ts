import type { Pool } from 'pg'
import { withClient } from './checkout.ts'

const DAY_MS = 86_400_000
/** Another process made it between our look and our DDL. */
const DUPLICATE_TABLE = '42P07'

const isDuplicate = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === DUPLICATE_TABLE

const dayText = (epochDay: number): string => new Date(epochDay * DAY_MS).toISOString().slice(0, 10)

/**
 * Makes the partition of `order_books` for one UTC day where it is missing.
 *
 * @returns its name when it was made, else undefined.
 */
export const ensurePartition = (pool: Pool, epochDay: number): Promise<string | undefined> =>
  withClient(pool, async (client) => {
    try {
      await client.query('begin')
      await client.query("set local lock_timeout = '2s'")
      const result = await client.query<{ name: string | null }>('select ensure_order_books_partition($1) as name', [
        dayText(epochDay),
      ])
      await client.query('commit')
      return result.rows[0]?.name ?? undefined
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      if (isDuplicate(error)) return undefined
      throw error
    }
  })

/** Makes the partitions of today and the days ahead (UTC). Returns the names of those that were missing. */
export const ensurePartitions = async (pool: Pool, daysAhead: number): Promise<string[]> => {
  const today = Math.floor(Date.now() / DAY_MS)
  const made: string[] = []
  for (let day = today; day <= today + daysAhead; day++) {
    const name = await ensurePartition(pool, day)
    if (name !== undefined) made.push(name)
  }
  return made
}
