/** `counts[i]` values lie in the bucket that ends at `bounds[i]`; those above the last bound are one bucket more. */
export type Counted = { bounds: readonly number[]; counts: readonly number[]; sum: number }

/** How often values of which size were recorded since the start of the process. */
export type Distribution = { read(): Counted }

export type Recorder = Distribution & { record(value: number): void }

/** For what happens some hundred times a second; a frame is none of it. */
export const createDistribution = (bounds: readonly number[]): Recorder => {
  const counts = Array.from({ length: bounds.length + 1 }, () => 0)
  let sum = 0
  return {
    record: (value) => {
      const found = bounds.findIndex((bound) => value <= bound)
      const bucket = found === -1 ? bounds.length : found
      counts[bucket] = (counts[bucket] ?? 0) + 1
      sum += value
    },
    read: () => ({ bounds, counts, sum }),
  }
}
