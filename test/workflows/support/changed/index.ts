/** The workflows as they are not: what a careless edit of one would do to the runs that are under way. */
import { proxyActivities } from '@temporalio/workflow'
import type { PartitionActivities } from '../../../../src/activities/partitions.ts'

const { ensurePartitions } = proxyActivities<PartitionActivities>({ startToCloseTimeout: '1m' })

/** Asks twice where the real one asks once. */
export async function maintainPartitions(): Promise<{ made: string[] }> {
  const made = await ensurePartitions({ daysAhead: 1 })
  return { made: [...made, ...(await ensurePartitions({ daysAhead: 2 }))] }
}
