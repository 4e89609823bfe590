import { pause } from '../lib/every.ts'
import type { SlotDeps } from './live.ts'

/** While the venue restarts (about 90 s), a slot tries every 2 to 5 s. */
const RESTART_DELAY_MS = 2_000
const RESTART_SPREAD_MS = 3_000

type Ended = { epoch: string; detail: string; isRestart: boolean; endedTimeMs: number; backoffMs: number }
type Deps = Pick<SlotDeps, 'log' | 'stats' | 'signal'>

/** Waits until the place of a socket that has ended may have another one. */
export const waitToReopen = async (ended: Ended, { log, stats, signal }: Deps): Promise<void> => {
  const { epoch, detail, isRestart, endedTimeMs, backoffMs } = ended
  const restartMs = isRestart ? RESTART_DELAY_MS + Math.random() * RESTART_SPREAD_MS : 0
  const delayMs = Math.max(backoffMs, restartMs)
  stats.count('reconnects')
  log.warn({ epoch, detail, isRestart, delayMs }, 'socket was closed')
  await pause(endedTimeMs + delayMs - Date.now(), signal)
}
