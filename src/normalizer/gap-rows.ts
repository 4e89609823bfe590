import { shortened, type GapCause, type GapClosed, type GapOpened } from './batch.ts'
import type { OutcomeTape } from './outcome-tape.ts'

/** The row of a gap that opens; to be called before its row of kind `gap` is written, which takes the next sequence. */
export const toGapOpened = (tape: OutcomeTape, cause: GapCause, detectedTimeMs: number): GapOpened => {
  const { reason, detail } = cause
  const weakness = tape.verification.weakness()
  const sinceTimeMs = cause.sinceTimeMs ?? weakness?.sinceTimeMs ?? tape.appliedTimeMs
  return {
    marketId: tape.marketId,
    outcomeId: tape.outcome.outcomeId,
    openedTimeMs: sinceTimeMs === 0 ? detectedTimeMs : Math.min(detectedTimeMs, sinceTimeMs),
    detectedTimeMs,
    reason,
    lastGoodSequence: cause.lastGoodSequence ?? weakness?.lastGoodSequence ?? tape.sequence,
    gapSequence: tape.sequence + 1,
    detail: shortened(detail),
  }
}

/** The end of the gap that is open, by the snapshot that was just written. */
export const toGapClosed = (tape: OutcomeTape, gapSequence: number, isNothingMissed: boolean): GapClosed => ({
  outcomeId: tape.outcome.outcomeId,
  gapSequence,
  closedTimeMs: tape.writer.capturedTimeMs,
  firstGoodSequence: tape.sequence,
  isNothingMissed,
})
