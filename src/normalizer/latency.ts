import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

const WINDOW_MS = 10_000
/** A replay's venue times are days old: no latency of ours. */
const LONGEST_MS = 3_600_000

/** Upper bounds of the buckets, in ms: dense where the promises lie (30 ms to the cache, 60 ms to the commit). */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  1,
  2,
  3,
  4,
  5,
  6,
  8,
  10,
  12,
  14,
  16,
  18,
  20,
  22,
  24,
  26,
  28,
  30,
  35,
  40,
  45,
  50,
  55,
  60,
  70,
  80,
  100,
  150,
  200,
  300,
  500,
  1_000,
  2_000,
  5_000,
  10_000,
  60_000,
  LONGEST_MS,
]

/** Clocks of a frame on its way; all but the venue's are of our hosts. */
export type FrameTimes = { exchangeTimeMs: number; receivedTimeMs: number }

/** Durations in ms: percentiles of the last 10 to 20 seconds, and counts since the start (a difference of two looks is a run). */
export class Latency {
  /** Since the start, by bucket of LATENCY_BOUNDS_MS. */
  readonly counts = LATENCY_BOUNDS_MS.map(() => 0)
  #older: RecordableHistogram = createHistogram()
  #newer: RecordableHistogram = createHistogram()
  #turnedTimeMs = 0

  /** Hosts' clocks differ: what would be negative counts as nothing. */
  record(fromTimeMs: number, nowMs: number): void {
    if (nowMs - this.#turnedTimeMs > WINDOW_MS) this.#turn(nowMs)
    const latencyMs = Math.max(0, nowMs - fromTimeMs)
    if (latencyMs >= LONGEST_MS) return
    this.#newer.record(Math.max(1, Math.round(latencyMs)))
    const bucket = LATENCY_BOUNDS_MS.findIndex((bound) => latencyMs <= bound)
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
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

/**
 * `cache` and `commit` are counted from the venue's time stamp; the others are the stages between, a frame each:
 * venue → `receive` by the feed → `read` by the normalizer → `apply` to the book → `show` in the hot cache, and
 * `write`, the transaction of its batch (what is missing to `commit` is the wait for the batch before it).
 */
export const createLatencies = () => ({
  receive: new Latency(),
  read: new Latency(),
  apply: new Latency(),
  show: new Latency(),
  cache: new Latency(),
  write: new Latency(),
  commit: new Latency(),
})

export type Latencies = ReturnType<typeof createLatencies>
