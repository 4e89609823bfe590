import type { Heartbeat } from '../../domain/heartbeat.ts'
import type { Rounds } from './rounds.ts'

/** A round that takes this much longer than it should is no trouble yet: pages and retries take their time. */
const PATIENCE_MS = 10_000

/** What the poller says of itself: trouble where the Data API has not answered for long. No book is wrong by it. */
export const pollerHeartbeat = (rounds: Rounds, everyMs: number, nowMs: number): Heartbeat => {
  const forMs = rounds.unansweredMs(nowMs)
  const figures = { unansweredMs: forMs }
  if (forMs <= everyMs + PATIENCE_MS) return { trouble: undefined, epoch: '', figures }
  const detail = `the Data API has not been read for ${Math.round(forMs / 1_000)} s: ${rounds.failure() ?? 'it is slow'}`
  return { trouble: { reason: 'no_answer', forMs, detail, markets: new Map() }, epoch: '', figures }
}
