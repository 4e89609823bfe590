/** How long a flush collects before it goes out. */
export type Linger = {
  nextMs(): number
  /** Takes how many frames went out at this time. */
  note(frameCount: number, nowMs: number): void
}

/** A millisecond for each of so many frames a second. */
const FRAMES_PER_SECOND_AND_MS = 250
/** From 10,000 frames/s on; the slowest reader of the hot cache is promised 50 ms at 5,000 frames/s. */
const LONGEST_MS = 40
/** Weight of the newest flush: a burst is forgotten after a few. */
const NEWEST = 0.3

/**
 * The busier, the longer: an entry costs feed, Redis and normalizer together about 30 µs whatever is in it, and frames of
 * a market only share one where the flush waits for the next of them. A quiet feed waits no longer than configured.
 */
export const createLinger = (configuredMs: number): Linger => {
  let framesPerSecond = 0
  let notedMs = 0
  return {
    nextMs: () => Math.max(configuredMs, Math.round(framesPerSecond / FRAMES_PER_SECOND_AND_MS)),
    note: (frameCount, nowMs) => {
      const newest = (frameCount * 1_000) / Math.max(1, nowMs - notedMs)
      notedMs = nowMs
      framesPerSecond += (Math.min(newest, LONGEST_MS * FRAMES_PER_SECOND_AND_MS) - framesPerSecond) * NEWEST
    },
  }
}
