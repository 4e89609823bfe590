const WINDOW_MS = 10_000
const KEPT_WINDOWS = 6
/** Of fewer the median says little. */
const LEAST_WINDOWS = 3

const median = (values: number[]): number | undefined => {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted.length === 0 ? undefined : sorted[Math.floor((sorted.length - 1) / 2)]
}

export type ClockSkew = {
  /** `leastDelayMs`: the smallest receive time less venue time of what came since the last note. */
  note(leastDelayMs: number, nowMs: number): void
  /** Venue's clock less ours, ms; undefined while nothing is known. `roundTripMs`: the smallest of late. */
  estimateMs(roundTripMs: number): number | undefined
}

/**
 * A frame's delay is the way here, what the venue took to send it, and the difference of the clocks. The smallest of ten
 * seconds has next to nothing of the second, and half a round trip stands for the first: the error is at most half a round
 * trip where the ways differ, and the venue's least own delay on top, by which its clock seems too slow. One frame with a
 * wrong time spoils its window alone: the median of a minute's windows counts.
 */
export const createClockSkew = (): ClockSkew => {
  const windows: { startTimeMs: number; leastMs: number }[] = []
  return {
    note: (leastDelayMs, nowMs) => {
      const startTimeMs = Math.floor(nowMs / WINDOW_MS) * WINDOW_MS
      const last = windows.at(-1)
      if (last?.startTimeMs === startTimeMs) last.leastMs = Math.min(last.leastMs, leastDelayMs)
      else windows.push({ startTimeMs, leastMs: leastDelayMs })
      while (windows.length > KEPT_WINDOWS) windows.shift()
    },
    estimateMs: (roundTripMs) => {
      if (windows.length < LEAST_WINDOWS) return undefined
      const leastMs = median(windows.map((window) => window.leastMs))
      return leastMs === undefined ? undefined : roundTripMs / 2 - leastMs
    },
  }
}
