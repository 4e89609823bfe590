import type { Pool } from 'pg'
import { planEpisodes, withoutSteps } from '../heartbeats/episodes.ts'
import type { Problem } from '../heartbeats/silence.ts'
import { recordCheck, type Recorded } from '../store/feed-alerts.ts'
import { ensurePartitions, type PartitionFailure } from '../store/partitions.ts'

const toProblem = ({ table, day, error }: PartitionFailure): Problem => ({
  kind: 'partitions',
  subject: `partitions:${table}`,
  reason: 'partition_missing',
  detail: `no partition for ${day}: ${error instanceof Error ? error.message : String(error)}`,
  epoch: '',
  concerned: { type: 'nobody' },
})

/**
 * Whether today and tomorrow have their partitions; an alert for each table that lacks one. Tries to make it first: after a
 * machine has slept, all that is missing is a moment.
 */
export const checkPartitions = async (pool: Pool, { isAgain }: { isAgain: boolean }): Promise<Recorded> => {
  const { failed } = await ensurePartitions(pool, 1)
  // Of the first day: those that come later in the list are as old news as it is.
  const problems = new Map(failed.toReversed().map((one) => [`partitions:${one.table}`, toProblem(one)]))
  return recordCheck(pool, {
    kinds: ['partitions'],
    plan: (open) => {
      const plan = planEpisodes(open, { problems, unknown: new Set(), gone: [] })
      return isAgain ? withoutSteps(plan) : plan
    },
    marketsOf: new Map(),
  })
}
