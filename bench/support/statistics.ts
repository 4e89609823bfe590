/** Value below which `share` (0 to 1) of the sorted values lie: the nearest rank, so always one that was measured. */
export const quantile = (sorted: readonly number[], share: number): number | undefined =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]

export const median = (values: readonly number[]): number | undefined =>
  quantile(
    values.toSorted((left, right) => left - right),
    0.5,
  )

export type Point = { timeMs: number; value: number }

/** Growth a second of the straight line with the least squares; 0 where fewer than two instants are known. */
export const slopePerSecond = (points: readonly Point[]): number => {
  const meanTimeMs = points.reduce((sum, { timeMs }) => sum + timeMs, 0) / points.length
  const mean = points.reduce((sum, { value }) => sum + value, 0) / points.length
  const spread = points.reduce((sum, { timeMs }) => sum + (timeMs - meanTimeMs) ** 2, 0)
  if (points.length < 2 || spread === 0) return 0
  const common = points.reduce((sum, { timeMs, value }) => sum + (timeMs - meanTimeMs) * (value - mean), 0)
  return (common / spread) * 1_000
}

/** Windows at both ends, each a quarter of what was seen: garbage that comes and goes moves no median. */
const WINDOW_SHARE = 0.25

/**
 * Growth in percent from the median of the first window to that of the last, of the points after `fromTimeMs`; undefined
 * where there are too few of them for windows of three.
 */
export const growthPercent = (points: readonly Point[], fromTimeMs: number): number | undefined => {
  const after = points.filter(({ timeMs }) => timeMs >= fromTimeMs).map(({ value }) => value)
  const size = Math.floor(after.length * WINDOW_SHARE)
  if (size < 3) return undefined
  const first = median(after.slice(0, size)) ?? 0
  const last = median(after.slice(-size)) ?? 0
  return first === 0 ? undefined : ((last - first) / first) * 100
}
