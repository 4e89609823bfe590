import { patched } from '@temporalio/workflow'
import { partitions, retention } from './activity-options.ts'

/** Days ahead for which a partition must stand: a weekend without an operator, and one day more. */
const DAYS_AHEAD = 3

/**
 * Hourly. Makes the partitions of the coming days before they are needed, and deletes what is older than it is kept. Neither
 * waits for the other; the run fails where one of them does, once both have ended.
 */
export async function maintainPartitions(): Promise<{ made: string[]; expired?: Record<string, number> }> {
  const making = partitions.ensurePartitions({ daysAhead: DAYS_AHEAD })
  if (!patched('retention')) return { made: await making }
  const expiring = retention.expireRows()
  await Promise.allSettled([making, expiring])
  return { made: await making, expired: await expiring }
}
