import type { Heartbeat, Trouble } from '../domain/heartbeat.ts'
import type { Lanes } from './normalizer-lanes.ts'

/** `pulse.stepTimeMs`: when the shard last read, be it nothing. `lagMs`: how old frames are when they are read. */
type Signs = {
  lanes: Pick<Lanes, 'waitingSinceMs'>
  tapes: { judge: { lagMs: number } }
  pulse: { stepTimeMs: number }
}

/** Below this nothing is said: a read waits half a second, a commit a few ms. */
const USUAL_MS = 2_000
const NO_MARKETS: ReadonlyMap<string, number> = new Map()

/** The longest of what a shard may be behind with. All its markets are concerned: none is named. */
export const shardHeartbeat = ({ lanes, tapes, pulse }: Signs, nowMs: number): Heartbeat => {
  const readAgeMs = nowMs - pulse.stepTimeMs
  const waitingMs = lanes.waitingSinceMs === undefined ? 0 : nowMs - lanes.waitingSinceMs
  const { lagMs } = tapes.judge
  const troubles: Trouble[] = [
    { reason: 'not_reading', forMs: readAgeMs, detail: 'no read of the streams was completed', markets: NO_MARKETS },
    { reason: 'not_committing', forMs: waitingMs, detail: 'rows wait for Postgres', markets: NO_MARKETS },
    { reason: 'lagging', forMs: lagMs, detail: 'frames are this old when they are read', markets: NO_MARKETS },
  ]
  const [longest] = troubles.toSorted((left, right) => right.forMs - left.forMs)
  const trouble = longest !== undefined && longest.forMs >= USUAL_MS ? longest : undefined
  return { trouble, epoch: '', figures: { readAgeMs, waitingMs, lagMs } }
}
