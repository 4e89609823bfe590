import { pause } from '../../lib/every.ts'

export type Hold = {
  /** No call goes out before `delayMs` have passed. */
  extend: (delayMs: number) => void
  /** Resolves when a call may go; at once unless the venue asked for patience. */
  wait: (signal: AbortSignal) => Promise<void>
}

/** Waiting calls do not all go at once: the first of them may be told to wait again, and the others with it. */
const SPREAD_MS = 1_000

/** What one call is told (429 with `Retry-After`, 425 while the venue restarts) holds for all calls of the process. */
export const createHold = (): Hold => {
  let untilMs = 0
  return {
    extend: (delayMs) => {
      untilMs = Math.max(untilMs, Date.now() + delayMs)
    },
    wait: async (signal) => {
      while (Date.now() < untilMs && !signal.aborted) {
        await pause(untilMs - Date.now() + Math.random() * SPREAD_MS, signal)
      }
    },
  }
}
