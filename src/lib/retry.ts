import { setTimeout as sleep } from 'node:timers/promises'

const FIRST_DELAY_MS = 50
const LONGEST_DELAY_MS = 2_000

/** Waits before the next of several attempts (0, 1, …): 50 ms doubling to 2 s, ended early by the signal. */
export const waitBeforeRetry = async (attempt: number, signal: AbortSignal): Promise<void> => {
  const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 10))
  await sleep(delayMs, undefined, { signal })
}
