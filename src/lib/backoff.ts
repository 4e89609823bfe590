/** Delays between attempts. `stable` after a time that counts as success: the next delay is short again. */
export type Backoff = { nextDelayMs(): number; reset(): void }

export type BackoffOptions = { initialMs: number; maxMs: number; random: () => number }

/** Full jitter: uniform in [0, ceiling], the ceiling doubles from `initialMs` to `maxMs`. Source: AWS "Exponential backoff and jitter". */
export const createBackoff = ({ initialMs, maxMs, random }: BackoffOptions): Backoff => {
  let ceilingMs = initialMs
  return {
    nextDelayMs: () => {
      const delayMs = Math.round(random() * ceilingMs)
      ceilingMs = Math.min(maxMs, ceilingMs * 2)
      return delayMs
    },
    reset: () => {
      ceilingMs = initialMs
    },
  }
}
