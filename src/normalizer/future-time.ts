import { AHEAD_MS, clockOf } from '../domain/frame.ts'
import type { TapeContext } from './batch.ts'
import type { OutcomeTape } from './outcome-tape.ts'

/**
 * Before what the venue says at `exchangeTimeMs` is applied: where the newest time that was believed lies ahead both of
 * that and of our clock, it was none, and all that came since was taken for old. A followed book has a gap then, since it
 * was proved last; what ends it must not be older than what was applied of the present.
 */
export const disownFuture = (tape: OutcomeTape, exchangeTimeMs: number, context: TapeContext): void => {
  const { frame } = context
  const newestTimeMs = Math.max(tape.exchangeTimeMs ?? 0, tape.changeTimeMs, tape.window.droppedTimeMs)
  if (newestTimeMs - Math.max(exchangeTimeMs, clockOf(frame)) <= AHEAD_MS) return
  // An answer of REST may be from a cache.
  if (tape.status === 'following' && frame.kind === 'rest') return
  tape.exchangeTimeMs = tape.presentTimeMs === 0 ? exchangeTimeMs : tape.presentTimeMs
  tape.snapshotTimeMs = tape.changeTimeMs = tape.joinedTimeMs = 0
  if (tape.status === 'following') {
    const detail = `the venue's time ${newestTimeMs} was of the future: ${exchangeTimeMs} came after it`
    tape.openGap({ reason: 'bad_message', detail, ...tape.verification.proof.since() }, context)
  }
  tape.window.restore([], tape.exchangeTimeMs)
}
