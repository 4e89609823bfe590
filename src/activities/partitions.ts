export type PartitionDeps = { ensurePartitions: (daysAhead: number) => Promise<string[]> }

export type PartitionActivities = ReturnType<typeof createPartitionActivities>

export const createPartitionActivities = (deps: PartitionDeps) => ({
  /** Makes the daily partitions of today and the coming days; answers the names of those it made. */
  ensurePartitions: async ({ daysAhead }: { daysAhead: number }): Promise<string[]> => {
    return deps.ensurePartitions(daysAhead)
  },
})
