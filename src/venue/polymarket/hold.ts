import { pause } from '../../lib/every.ts'

export type Hold = {
  /** No call goes out before `delayMs` have passed. */
  extend: (delayMs: number) => void
  /** Resolves when a call may go; at once unless the venue asked for patience. */
  wait: (signal: AbortSignal) => Promise<void>
}

/** Waiting calls do not all go at once. */
const SPREAD_MS = 200

/**
 * What one call is told holds for all calls of the process. `again`: also for calls that have waited before; without it
 * a call waits once, so that no call waits for ever while others are refused.
 */
export const createHold = ({ again }: { again: boolean }): Hold => {
  let untilMs = 0
  return {
    extend: (delayMs) => {
      untilMs = Math.max(untilMs, performance.now() + delayMs)
    },
    wait: async (signal) => {
      while (performance.now() < untilMs && !signal.aborted) {
        await pause(untilMs - performance.now() + Math.random() * SPREAD_MS, signal)
        if (!again) return
      }
    },
  }
}
