import { partitions } from './activity-options.ts'

/** Days ahead for which a partition must stand: a weekend without an operator, and one day more. */
const DAYS_AHEAD = 3

/** Hourly. Makes the partitions of the coming days before they are needed; answers those it made. */
export async function maintainPartitions(): Promise<{ made: string[] }> {
  return { made: await partitions.ensurePartitions({ daysAhead: DAYS_AHEAD }) }
}
