import type { OutcomeProgress } from '../domain/progress.ts'
import { resumeSheds, shedProgress } from './shed-books.ts'
import type { OutcomeTape } from './outcome-tape.ts'

/** How far an outcome's tape got. */
export const outcomeProgress = (tape: OutcomeTape): OutcomeProgress => {
  const { status, gapSequence, gapReason, exchangeTimeMs } = tape
  const shed = shedProgress(tape)
  const reached = { ...tape.writer.position, ...tape.verification.reached }
  return { ...reached, status, gapSequence, gapReason, shed, exchangeTimeMs }
}

/** Continues from a stored position whose book is gone: sequences go on, the book waits for a snapshot. */
export const resumeWithoutBook = (tape: OutcomeTape, progress: OutcomeProgress): void => {
  tape.writer.sequence = progress.sequence
  tape.writer.capturedTimeMs = progress.capturedTimeMs
  tape.gapSequence = progress.gapSequence
  tape.gapReason = progress.gapReason
  resumeSheds(tape, progress.shed)
  tape.status = progress.status
  tape.exchangeTimeMs = progress.exchangeTimeMs
  tape.verification.forgetState()
}
