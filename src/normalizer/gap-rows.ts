import type { Stats } from '../lib/stats.ts'
import { shortened, type Batch, type GapCause, type GapOpened } from './batch.ts'
import type { Since } from './proof-state.ts'
import type { OutcomeTape } from './outcome-tape.ts'

/** Why a gap opens, and since when the book was not proved any more before it, if so. */
type Opening = { cause: GapCause; since: Since | undefined }

const isOlder = (since: Since | undefined, cause: Since): since is Since =>
  since?.sinceTimeMs !== undefined && cause.sinceTimeMs !== undefined && since.sinceTimeMs < cause.sinceTimeMs

/** The row of a gap that opens; to be called before its row of kind `gap` is written, which takes the next sequence. */
export const toGapOpened = (tape: OutcomeTape, { cause, since }: Opening, capturedTimeMs: number): GapOpened => {
  const { reason, detail, detectedTimeMs = capturedTimeMs } = cause
  // What was doubted before the cause itself lies before what was proved after it.
  const first = isOlder(since, cause) ? since : cause
  const sinceTimeMs = first.sinceTimeMs ?? since?.sinceTimeMs ?? tape.appliedTimeMs
  return {
    marketId: tape.marketId,
    outcomeId: tape.outcome.outcomeId,
    openedTimeMs: sinceTimeMs === 0 ? capturedTimeMs : Math.min(capturedTimeMs, sinceTimeMs),
    detectedTimeMs,
    reason,
    lastGoodSequence: first.lastGoodSequence ?? since?.lastGoodSequence ?? tape.sequence,
    gapSequence: tape.sequence + 1,
    detail: shortened(detail),
  }
}

/** Every gap of an outcome goes through here, so that figures and rows agree. */
export const recordGap = (opened: GapOpened, batch: Batch, stats: Stats): void => {
  stats.count('gaps')
  stats.count(`gaps:${opened.reason}`)
  batch.gapsOpened.push(opened)
}

/** The end of the gap that is open, if there is one, by the snapshot that was just written. */
export const closeGap = (tape: OutcomeTape, batch: Batch, isNothingMissed: boolean): void => {
  const { gapSequence, outcome, writer, sequence } = tape
  if (gapSequence === undefined) return
  batch.gapsClosed.push({
    outcomeId: outcome.outcomeId,
    gapSequence,
    closedTimeMs: writer.capturedTimeMs,
    firstGoodSequence: sequence,
    isNothingMissed,
  })
  tape.gapSequence = undefined
  tape.gapReason = undefined
}
