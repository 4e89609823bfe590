/** Runs `work` over `items`, `width` at a time. */
export const inParallel = async <T>(items: T[], width: number, work: (item: T) => Promise<void>): Promise<void> => {
  const queue = items.values()
  const lane = async (): Promise<void> => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane))
}
