import type { StreamEntry } from '../domain/frame.ts'
import type { Batch, QuoteRow } from './batch.ts'
import { toCheckpoints } from './checkpoint.ts'
import { keptTextOf } from './listener.ts'
import type { MarketTape } from './market-tape.ts'
import { NO_PROGRESS, NOTHING_KEPT } from '../domain/progress.ts'

/** Best prices of a market's first outcome, as its tape stands. One that was stopped or is resolved has no quote. */
export const toQuote = (tape: MarketTape, nowMs: number): QuoteRow => {
  const [first] = tape.outcomes
  const isShown = tape.isShown && first !== undefined && first.status !== 'waiting'
  const { bid, ask } = isShown ? first.book.best() : { bid: undefined, ask: undefined }
  return {
    marketId: tape.market.marketId,
    bid,
    ask,
    sequence: first?.sequence ?? 0,
    verifiedSequence: first?.verification.proof.verified?.sequence,
    state: tape.state,
    exchangeTimeMs: first?.exchangeTimeMs,
    updatedTimeMs: nowMs,
  }
}

/**
 * Markets of like traffic come due together: without a bound, hundreds of whole books would hold up one commit (and the
 * event loop). One that waits is due again with its next frame; until then its stream is kept and replayed from further back.
 */
const CHECKPOINTS_PER_BATCH = 4
const DAY_MS = 86_400_000

const sealCheckpoints = (tape: MarketTape, batch: Batch, everyChanges: number): void => {
  const changes = tape.outcomes.reduce((sum, outcome) => sum + outcome.writer.changesSinceCheckpoint, 0)
  const isDue = tape.isCheckpointDue || changes >= everyChanges || tape.framesSinceCheckpoint >= everyChanges
  if (!isDue || batch.checkpoints.length >= CHECKPOINTS_PER_BATCH) return
  batch.checkpoints.push(...toCheckpoints(tape))
  tape.isCheckpointDue = false
  tape.framesSinceCheckpoint = 0
  for (const outcome of tape.outcomes) outcome.writer.changesSinceCheckpoint = 0
}

/**
 * Before the first entry of a UTC day: the books as they stand at midnight, so that the partition of each day can be
 * read by itself.
 */
export const sealDay = (tape: MarketTape, { frames }: StreamEntry, batch: Batch): void => {
  const [first] = frames
  if (first === undefined || tape.receivedTimeMs === 0) return
  const dayTimeMs = Math.floor(first.receivedTimeMs / DAY_MS) * DAY_MS
  if (tape.receivedTimeMs >= dayTimeMs) return
  batch.checkpoints.push(...toCheckpoints(tape))
}

/** Adds to a batch how far a market's tape got: offset, quote, and a checkpoint where one is due. */
export const sealMarket = (tape: MarketTape, batch: Batch, options: { everyChanges: number; nowMs: number }): void => {
  tape.revision += 1
  batch.offsets.set(tape.stream, {
    stream: tape.stream,
    expected: tape.sealedId,
    lastId: tape.lastId,
    sequence: tape.sequence,
    progress: tape.progress(),
    kept: keptTextOf(tape),
  })
  batch.quotes.set(tape.market.marketId, toQuote(tape, options.nowMs))
  sealCheckpoints(tape, batch, options.everyChanges)
  tape.sealedId = tape.lastId
}

/** A stream that is of no market. */
type SharedPosition = { stream: string; sealedId: string; lastId: string }

/** Adds to a batch how far a shared stream was read. */
export const sealShared = (tape: SharedPosition, batch: Batch): void => {
  const { stream, sealedId: expected, lastId } = tape
  batch.offsets.set(stream, { stream, expected, lastId, sequence: 0, progress: NO_PROGRESS, kept: NOTHING_KEPT })
  tape.sealedId = lastId
}
