import { orderbookStream } from '../domain/keys.ts'
import type { EpochLog } from './epochs.ts'
import { leavingGap, pushMarker } from './live.ts'
import { depthMarker, isDepthTold, isGone, type Member } from './market.ts'

/**
 * Whether the market's stream says that nothing comes any more, and how much of it is kept; of an active one its socket says
 * it, and one that goes on elsewhere says nothing.
 */
export const isTold = (member: Member): boolean => {
  const { desired, toldState } = member
  if (desired.state === 'active' || isGone(member)) return true
  return toldState === desired.state && isDepthTold(member)
}

const isBeingTold = ({ desired, tier, tellingState, tellingDepth, tellingTier }: Member): boolean =>
  tellingState === desired.state && tellingDepth === desired.depth && tellingTier === tier

export type Telling = {
  live: EpochLog | undefined
  openEpoch: () => EpochLog
  /** Called when Redis has what was said of a market: one whose stream Redis refuses holds up no other. */
  told: () => void
}

/**
 * Says in the streams of markets that are off their socket that they were paused or stopped, and how many levels are kept:
 * a pause while the socket is closed, or desired before this process began, leaves no other trace.
 */
export const tellLeft = (members: Member[], { live, openEpoch, told }: Telling): void => {
  const untold = members.filter((member) => !isBeingTold(member))
  if (untold.length === 0) return
  const log = live ?? openEpoch()
  for (const member of untold) {
    const { tier } = member
    const { state, depth, marketId } = member.desired
    member.tellingState = state
    member.tellingDepth = depth
    member.tellingTier = tier
    member.epoch = log.epochOf(orderbookStream(marketId))
    pushMarker(log, member, leavingGap(member))
    pushMarker(log, member, depthMarker(member))
    void log.flushed(orderbookStream(marketId)).then(() => {
      member.toldState = state
      member.toldDepth = depth
      member.toldTier = tier
      told()
    })
  }
  if (live === undefined) log.close()
}
