import { orderbookStream } from '../domain/keys.ts'
import type { EpochLog } from './epochs.ts'
import { leavingGap, pushMarker } from './live.ts'
import type { Member } from './market.ts'

/** Whether the market's stream says that nothing comes any more; an active market has nothing to say. */
export const isTold = ({ desired, toldState }: Member): boolean =>
  desired.state === 'active' || toldState === desired.state

export type Telling = {
  live: EpochLog | undefined
  openEpoch: () => EpochLog
  /** Called when Redis has what was said of a market: one whose stream Redis refuses holds up no other. */
  told: () => void
}

/**
 * Says in the streams of markets that are off their socket that they were paused or stopped: a pause while the socket
 * is closed, or desired before this process began, leaves no other trace.
 */
export const tellLeft = (members: Member[], { live, openEpoch, told }: Telling): void => {
  const untold = members.filter((member) => member.tellingState !== member.desired.state)
  if (untold.length === 0) return
  const log = live ?? openEpoch()
  for (const member of untold) {
    const { state, marketId } = member.desired
    member.tellingState = state
    member.epoch = log.epoch
    pushMarker(log, member, leavingGap(member))
    void log.flushed(orderbookStream(marketId)).then(() => {
      member.toldState = state
      told()
    })
  }
  if (live === undefined) log.close()
}
