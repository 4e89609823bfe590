import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

const WINDOW_MS = 10_000
/** A replay's venue times are days old: no latency of ours. */
const LONGEST_MS = 3_600_000

/** Percentiles of the last 10 to 20 seconds, in ms. */
export class LatencyWindow {
  #older: RecordableHistogram = createHistogram()
  #newer: RecordableHistogram = createHistogram()
  #turnedTimeMs = 0

  record(fromTimeMs: number, nowMs: number): void {
    if (nowMs - this.#turnedTimeMs > WINDOW_MS) this.#turn(nowMs)
    const latencyMs = nowMs - fromTimeMs
    if (latencyMs < LONGEST_MS) this.#newer.record(Math.max(1, Math.round(latencyMs)))
  }

  /** Undefined while nothing was recorded. */
  percentile(percent: number): number | undefined {
    const both = createHistogram()
    both.add(this.#older)
    both.add(this.#newer)
    return both.count === 0 ? undefined : both.percentile(percent)
  }

  #turn(nowMs: number): void {
    const isGap = nowMs - this.#turnedTimeMs > 2 * WINDOW_MS
    this.#older = isGap ? createHistogram() : this.#newer
    this.#newer = createHistogram()
    this.#turnedTimeMs = nowMs
  }
}
