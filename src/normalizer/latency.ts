import type { Counted, Distribution } from '../lib/distribution.ts'

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

/**
 * Clocks of frames on their way, in epoch ms, three a frame: the venue's, of the host that feeds, and Redis's (the id of its
 * entry). Numbers and not an object a frame: what lives until the commit is copied by two collections.
 */
export type FrameTimes = number[]

const CLOCKS = 3

export const frameCountOf = (times: FrameTimes): number => times.length / CLOCKS

export const forEachFrame = (
  times: FrameTimes,
  take: (exchangeTimeMs: number, receivedTimeMs: number, appendedTimeMs: number) => void,
): void => {
  for (let at = 0; at < times.length; at += CLOCKS) take(times[at] ?? 0, times[at + 1] ?? 0, times[at + 2] ?? 0)
}

/** Up to here a bin is a millisecond; above, 64 bins a doubling (1.1 %). */
const EXACT_MS = 1_024
const BINS_A_DOUBLING = 64
const EXACT_DOUBLINGS = Math.log2(EXACT_MS)

const toBin = (latencyMs: number): number =>
  latencyMs < EXACT_MS
    ? Math.floor(latencyMs)
    : EXACT_MS + Math.floor((Math.log2(latencyMs) - EXACT_DOUBLINGS) * BINS_A_DOUBLING)

/** The shortest duration of a bin. */
const fromBin = (bin: number): number =>
  bin < EXACT_MS ? bin : Math.round(2 ** (EXACT_DOUBLINGS + (bin - EXACT_MS) / BINS_A_DOUBLING))

const newBins = (): Uint32Array => new Uint32Array(toBin(LONGEST_MS) + 1)

/**
 * Durations in ms: percentiles of the last 10 to 20 seconds, and counts since the start (a difference of two looks is a
 * run). Bins and not Node's histograms, which cost a call out of V8 for each of seven figures a frame.
 */
export class Latency implements Distribution {
  readonly #all = newBins()
  #sumMs = 0
  #older = newBins()
  #newer = newBins()
  #turnedTimeMs = 0

  /** Since the start, by bucket of LATENCY_BOUNDS_MS. */
  get counts(): number[] {
    const counts = LATENCY_BOUNDS_MS.map(() => 0)
    let bucket = 0
    this.#all.forEach((count, bin) => {
      while (fromBin(bin) > (LATENCY_BOUNDS_MS[bucket] ?? Infinity)) bucket++
      counts[bucket] = (counts[bucket] ?? 0) + count
    })
    return counts
  }

  read(): Counted {
    return { bounds: LATENCY_BOUNDS_MS, counts: this.counts, sum: this.#sumMs }
  }

  /** `count` frames took as long as this. Hosts' clocks differ: what would be negative counts as nothing. */
  record(fromTimeMs: number, nowMs: number, count = 1): void {
    if (nowMs - this.#turnedTimeMs > WINDOW_MS) this.#turn(nowMs)
    const latencyMs = Math.max(0, nowMs - fromTimeMs)
    if (latencyMs >= LONGEST_MS) return
    const bin = toBin(latencyMs)
    this.#newer[bin] = (this.#newer[bin] ?? 0) + count
    this.#all[bin] = (this.#all[bin] ?? 0) + count
    this.#sumMs += latencyMs * count
  }

  /** Undefined while nothing was recorded. */
  percentile(percent: number): number | undefined {
    const both = this.#newer.map((count, bin) => count + (this.#older[bin] ?? 0))
    const total = both.reduce((sum, count) => sum + count, 0)
    if (total === 0) return undefined
    let seen = 0
    const found = both.findIndex((count) => (seen += count) >= (total * percent) / 100 && seen > 0)
    return fromBin(found)
  }

  #turn(nowMs: number): void {
    const isGap = nowMs - this.#turnedTimeMs > 2 * WINDOW_MS
    this.#older = isGap ? newBins() : this.#newer
    this.#newer = newBins()
    this.#turnedTimeMs = nowMs
  }
}

/**
 * `cache` and `commit` are counted from the venue's time stamp; the others are the stages between, a frame each:
 * venue → `receive` by the feed → `read` by the normalizer → `apply` to the book → `show` in the hot cache, and
 * `write`, the transaction of its batch (what is missing to `commit` is the wait for the batch before it). The stages of
 * `/metrics` that are none of these: `append`, receive → stream; `take`, stream → applied; `settle`, applied → commit.
 */
export const createLatencies = () => ({
  receive: new Latency(),
  read: new Latency(),
  apply: new Latency(),
  append: new Latency(),
  take: new Latency(),
  settle: new Latency(),
  show: new Latency(),
  cache: new Latency(),
  write: new Latency(),
  commit: new Latency(),
})

export type Latencies = ReturnType<typeof createLatencies>
