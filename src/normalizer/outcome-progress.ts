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
  const verifiedSequence = tape.verification.proof.verified?.sequence
  // Nothing is spread: on Node 20 that costs several µs, and a commit asks every market that changed.
  return { sequence, capturedTimeMs, verifiedSequence, status, gapSequence, gapReason, shed, exchangeTimeMs }
}

/**
 * Continues from a stored position whose book is gone: sequences go on, the book waits for a snapshot. Up to its newest row it
 * was good. What the market received later may have been of its other outcome.
 */
export const resumeWithoutBook = (tape: OutcomeTape, progress: OutcomeProgress): void => {
  tape.writer.sequence = progress.sequence
  tape.writer.capturedTimeMs = progress.capturedTimeMs
  tape.appliedTimeMs = progress.capturedTimeMs
  tape.gapSequence = progress.gapSequence
  tape.gapReason = progress.gapReason
  resumeSheds(tape, progress.shed)
  tape.status = progress.status
  tape.exchangeTimeMs = progress.exchangeTimeMs
  tape.verification.forgetTold()
}
