import type { Pool } from 'pg'
import { withClient } from './checkout.ts'

const DAY_MS = 86_400_000
/** Another process made it between our look and our DDL. */
const DUPLICATE_TABLE = '42P07'

const isDuplicate = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === DUPLICATE_TABLE

const dayText = (epochDay: number): string => new Date(epochDay * DAY_MS).toISOString().slice(0, 10)

const FUNCTIONS = ['ensure_order_books_partition', 'ensure_liquidity_events_partition'] as const

const ensureOne = (pool: Pool, name: (typeof FUNCTIONS)[number], epochDay: number): Promise<string | undefined> =>
  withClient(pool, async (client) => {
    try {
      await client.query('begin')
      await client.query("set local lock_timeout = '2s'")
      const result = await client.query<{ name: string | null }>(`select ${name}($1) as name`, [dayText(epochDay)])
      await client.query('commit')
      return result.rows[0]?.name ?? undefined
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      if (isDuplicate(error)) return undefined
      throw error
    }
  })

/**
 * Makes the partitions of one UTC day where they are missing.
 *
 * @returns the names of those that were made.
 */
export const ensurePartition = async (pool: Pool, epochDay: number): Promise<string[]> => {
  const made: string[] = []
  for (const name of FUNCTIONS) {
    const partition = await ensureOne(pool, name, epochDay)
    if (partition !== undefined) made.push(partition)
  }
  return made
}

/** Makes the partitions of today and the days ahead (UTC). Returns the names of those that were missing. */
export const ensurePartitions = async (pool: Pool, daysAhead: number): Promise<string[]> => {
  const today = Math.floor(Date.now() / DAY_MS)
  const made: string[] = []
  for (let day = today; day <= today + daysAhead; day++) made.push(...(await ensurePartition(pool, day)))
  return made
}
