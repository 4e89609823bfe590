import type { StreamEntry } from '../domain/frame.ts'
import { newBatch } from './batch.ts'
import type { CheckpointRow } from './checkpoint-row.ts'
import { restoreTape } from './checkpoint.ts'
import type { MarketTape } from './market-tape.ts'
import type { MarketProgress, OutcomeProgress } from '../domain/progress.ts'

export type RebuildInput = {
  progress: MarketProgress
  committedId: string
  checkpoints: CheckpointRow[]
  /** Entries of the stream after the checkpoint, up to the committed offset. */
  entries: StreamEntry[]
}

const NOT_STARTED: OutcomeProgress = {
  sequence: 0,
  capturedTimeMs: 0,
  status: 'waiting',
  gapSequence: undefined,
  gapReason: undefined,
  exchangeTimeMs: undefined,
}

const isSame = (tape: MarketTape, progress: MarketProgress): boolean =>
  tape.epoch === progress.epoch &&
  tape.ordinal === progress.ordinal &&
  tape.outcomes.every((outcome, index) => {
    const committed = progress.outcomes[index] ?? NOT_STARTED
    return (
      outcome.sequence === committed.sequence &&
      outcome.status === committed.status &&
      outcome.writer.capturedTimeMs === committed.capturedTimeMs &&
      outcome.gapSequence === committed.gapSequence
    )
  })

/** Where the stream was committed, and what is counted beside the books. */
const standAt = (tape: MarketTape, { progress, committedId }: RebuildInput): void => {
  tape.tally.restore(progress.hour)
  tape.kept = progress.kept ?? {}
  tape.revision = progress.revision
  tape.lastId = committedId
  tape.sealedId = committedId
}

/**
 * Brings a fresh tape to where its stream was committed: the newest checkpoint, then the entries after it applied once
 * more without writing or counting. True when the result stands exactly where the committed transaction says. `isBlind`: without
 * verdicts, as a run went that shed its checks.
 */
export const rebuildTape = (tape: MarketTape, input: RebuildInput, isBlind = false): boolean => {
  const { progress, checkpoints, entries } = input
  const { judge, stats } = tape.deps
  const thrownAway = newBatch()
  const reapply = (): void => {
    restoreTape(tape, checkpoints)
    for (const entry of entries) tape.apply(entry, thrownAway)
  }
  stats.aside(() => {
    if (isBlind) judge.blindly(reapply)
    else judge.patiently(reapply)
    tape.proveEarly(thrownAway)
  })
  standAt(tape, input)
  for (const { writer, verification } of tape.outcomes) {
    writer.ladder.replaceAll()
    // The run that is repeated may have shed checks that were made now, or made some that were shed now.
    verification.forgetTold()
  }
  return isSame(tape, progress)
}

/**
 * Continues a tape whose books could not be rebuilt: sequences go on from the committed ones. `tellLostBooks` opens the
 * gaps, since each book is known again only with its next snapshot.
 */
export const continueWithoutBooks = (tape: MarketTape, input: RebuildInput): void => {
  tape.resumeWithoutBooks(input.progress)
  standAt(tape, input)
  for (const outcome of tape.outcomes) {
    outcome.book.replace({ bids: [], asks: [] })
    outcome.writer.ladder.replaceAll()
  }
}

/** Numbering trades needs no book: it goes on from what could be re-applied, though the books could not be rebuilt. */
export const keepTrades = (tape: MarketTape, rebuilt: MarketTape): void => {
  tape.older.restore(rebuilt.older.snapshot())
  tape.outcomes.forEach((outcome, index) => outcome.trades.restore(rebuilt.outcomes[index]?.trades.snapshot()))
}
