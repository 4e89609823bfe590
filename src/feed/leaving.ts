import { orderbookStream } from '../domain/keys.ts'
import type { EpochLog } from './epochs.ts'
import { leavingGap, pushMarker } from './live.ts'
import type { Member } from './market.ts'

/** Whether the market's stream says that nothing comes any more; an active market has nothing to say. */
export const isTold = ({ desired, toldState }: Member): boolean =>
  desired.state === 'active' || toldState === desired.state

/**
 * Says in the streams of markets that are off their socket that they were paused or stopped: a pause while the socket
 * is closed, or desired before this process began, leaves no other trace. Resolves when Redis has it.
 */
export const tellLeft = async (
  members: Member[],
  live: EpochLog | undefined,
  openEpoch: () => EpochLog,
): Promise<void> => {
  const untold = members.filter((member) => member.tellingState !== member.desired.state)
  if (untold.length === 0) return
  const log = live ?? openEpoch()
  const said = untold.map((member) => ({ member, state: member.desired.state }))
  for (const { member, state } of said) {
    member.tellingState = state
    member.epoch = log.epoch
    pushMarker(log, member, leavingGap(member))
  }
  const flushed = Promise.all(untold.map(({ desired }) => log.flushed(orderbookStream(desired.marketId))))
  if (live === undefined) log.close()
  await flushed
  for (const { member, state } of said) member.toldState = state
}
