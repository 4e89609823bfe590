export type PartitionDeps = {
  ensurePartitions: (daysAhead: number) => Promise<string[]>
  pruneMetricBuckets: () => Promise<void>
}

export type PartitionActivities = ReturnType<typeof createPartitionActivities>

export const createPartitionActivities = (deps: PartitionDeps) => ({
  /**
   * Makes the daily partitions of today and the coming days; answers the names of those it made. Drops what the metrics
   * of no market go on from any more.
   */
  ensurePartitions: async ({ daysAhead }: { daysAhead: number }): Promise<string[]> => {
    const made = await deps.ensurePartitions(daysAhead)
    await deps.pruneMetricBuckets()
    return made
  },
})
