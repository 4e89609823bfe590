import { heartbeat } from '@temporalio/activity'
import type { Expiry } from '../store/retention.ts'
import type { PartitionFailure } from '../store/partitions.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'

export type PartitionDeps = {
  ensurePartitions: (daysAhead: number) => Promise<{ made: string[]; failed: PartitionFailure[] }>
  /** One for each table that is not kept for ever. */
  expiries: Expiry[]
  log: Logger
  stats: Stats
}

export type PartitionActivities = ReturnType<typeof createPartitionActivities>

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const failuresText = (failed: PartitionFailure[]): string =>
  failed.map(({ table, day, error }) => `${table} of ${day}: ${reasonOf(error)}`).join('; ')

/** Of one table in one run: what is left is deleted an hour later. */
const MOST_STEPS = 200

const expireAll = async (expireSome: () => Promise<number>): Promise<number> => {
  let count = 0
  for (let step = 0; step < MOST_STEPS; step++) {
    const some = await expireSome()
    if (some === 0) break
    count += some
    heartbeat(count)
  }
  return count
}

export const createPartitionActivities = ({ ensurePartitions, expiries, log, stats }: PartitionDeps) => ({
  /**
   * Makes the partitions of today and the coming days; answers the names of those it made.
   *
   * @throws Error that names each table and day that has none, after all others were made.
   */
  ensurePartitions: async ({ daysAhead }: { daysAhead: number }): Promise<string[]> => {
    const { made, failed } = await ensurePartitions(daysAhead)
    if (made.length > 0) log.info({ made }, 'partitions were made')
    if (failed.length === 0) return made
    stats.count('partitionsFailed', failed.length)
    throw new Error(`expected partitions ahead, could not make ${failuresText(failed)}`)
  },

  /**
   * Deletes what is older than it is kept; answers how many rows, or partitions, of which table.
   *
   * @throws Error that names each table that refused, after all others were seen to.
   */
  expireRows: async (): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {}
    const refused: string[] = []
    for (const { table, expireSome } of expiries) {
      try {
        const count = await expireAll(expireSome)
        if (count > 0) counts[table] = count
      } catch (error) {
        refused.push(`${table}: ${reasonOf(error)}`)
      }
    }
    if (Object.keys(counts).length > 0) log.info({ counts }, 'what was older than it is kept was deleted')
    if (refused.length === 0) return counts
    stats.count('expiriesFailed', refused.length)
    throw new Error(`expected to delete what is older than it is kept, could not from ${refused.join('; ')}`)
  },
})
