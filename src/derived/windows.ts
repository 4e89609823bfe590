/** Metrics are written at multiples of this (epoch ms, so aligned to the UTC clock): the finest bucket. */
export const TEN_MS = 10_000

/** Sizes of buckets, in tens of seconds: ten seconds, a minute, a quarter of an hour. */
export const STEPS = [{ tens: 1 }, { tens: 6 }, { tens: 90 }] as const
export type StepLevel = 0 | 1 | 2
export const LEVELS: readonly StepLevel[] = [0, 1, 2]

export const stepMs = (level: StepLevel): number => STEPS[level].tens * TEN_MS

/**
 * `name`: as an interval of Postgres. A window that is measured at T begins at the last boundary of its step at or before
 * T - ms and ends before T.
 */
export type Window = { name: string; ms: number; level: StepLevel }

export const WINDOWS: readonly Window[] = [
  { name: '00:01:00', ms: 60_000, level: 0 },
  { name: '00:05:00', ms: 300_000, level: 0 },
  { name: '01:00:00', ms: 3_600_000, level: 1 },
  { name: '24:00:00', ms: 86_400_000, level: 2 },
]

/** Where the window that is measured at a time begins. */
export const windowStartMs = ({ ms, level }: Window, measuredTimeMs: number): number => {
  const step = stepMs(level)
  return Math.floor((measuredTimeMs - ms) / step) * step
}

/** Closed buckets of a step that a window, or a bucket of the next step, may ask for; and one that is still open. */
export const RING_SIZES = LEVELS.map((level) => {
  const longest = Math.max(...WINDOWS.filter((window) => window.level === level).map(({ ms }) => ms))
  return longest / stepMs(level) + 1
})
