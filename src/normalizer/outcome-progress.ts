import type { OutcomeProgress } from '../domain/progress.ts'
import { resumeSheds, shedProgress } from './shed-books.ts'
import type { OutcomeTape } from './outcome-tape.ts'
import type { Subject } from './verification.ts'

/** As it stands whenever it is looked at. */
export const standingOf = ({ book, writer, outcome: { outcomeId } }: OutcomeTape): Subject => ({
  book,
  outcomeId,
  get sequence() {
    return writer.sequence
  },
  get capturedTimeMs() {
    return writer.capturedTimeMs
  },
})

/** How far an outcome's tape got. */
export const outcomeProgress = (tape: OutcomeTape): OutcomeProgress => {
  const { status, gapSequence, gapReason, exchangeTimeMs, writer } = tape
  const { sequence, capturedTimeMs } = writer
  const shed = shedProgress(tape)
  const { verifiedSequence } = tape.verification.reached
  // Nothing is spread: on Node 20 that costs several µs, and a commit asks every market that changed.
  return { sequence, capturedTimeMs, verifiedSequence, status, gapSequence, gapReason, shed, exchangeTimeMs }
}

/**
 * Continues from a stored position whose book is gone: sequences go on, the book waits for a snapshot. `receivedTimeMs`: of the
 * newest frame that was committed. Up to there the book was good where it was proved, else at most up to its newest row.
 */
export const resumeWithoutBook = (tape: OutcomeTape, progress: OutcomeProgress, receivedTimeMs: number): void => {
  tape.writer.sequence = progress.sequence
  tape.writer.capturedTimeMs = progress.capturedTimeMs
  tape.appliedTimeMs = progress.verifiedSequence === progress.sequence ? receivedTimeMs : progress.capturedTimeMs
  tape.gapSequence = progress.gapSequence
  tape.gapReason = progress.gapReason
  resumeSheds(tape, progress.shed)
  tape.status = progress.status
  tape.exchangeTimeMs = progress.exchangeTimeMs
  tape.verification.forgetTold()
}
