import type { Heartbeat } from '../../domain/heartbeat.ts'
import type { Rounds } from './rounds.ts'

/** A round that takes this much longer than it should is no trouble yet: pages and retries take their time. */
const PATIENCE_MS = 10_000

const STILL = 'one is under way: the Data API is slow, or Redis does not take what it told'

/** What the poller says of itself: trouble where no poll of the Data API has succeeded for long. No book is wrong by it. */
export const pollerHeartbeat = (rounds: Rounds, everyMs: number): Heartbeat => {
  const forMs = rounds.unansweredMs()
  const figures = { unansweredMs: forMs }
  if (forMs <= everyMs + PATIENCE_MS) return { trouble: undefined, epoch: '', figures }
  const detail = `no poll of the Data API has succeeded for ${Math.round(forMs / 1_000)} s: ${rounds.failure() ?? STILL}`
  return { trouble: { reason: 'no_answer', forMs, detail, markets: new Map() }, epoch: '', figures }
}
