import type { BookLevels } from '../domain/book.ts'
import type { Level } from '../domain/book-side.ts'
import { toMillionths } from '../domain/decimal.ts'
import type { CheckpointRow } from './batch.ts'
import type { TimedChange } from './change-window.ts'
import type { MarketTape } from './market-tape.ts'
import type { OutcomeTape } from './outcome-tape.ts'

const toPairs = (levels: Level[]): [string, string][] => levels.map((level) => [level.priceText, level.sizeText])

const toLevel = ([priceText, sizeText]: [string, string]): Level => {
  const price = toMillionths(priceText)
  const size = toMillionths(sizeText)
  if (price === undefined || size === undefined) {
    throw new Error(`checkpoint holds a level that is no decimal: price "${priceText}", size "${sizeText}"`)
  }
  return { price, size, priceText, sizeText }
}

const outcomeCheckpoint = (tape: MarketTape, outcome: OutcomeTape): CheckpointRow => {
  const { bids, asks } = outcome.book.top(0)
  const { status, gapSequence, gapReason, snapshotTimeMs, window } = outcome
  return {
    marketId: tape.market.marketId,
    outcomeId: outcome.outcome.outcomeId,
    sequence: outcome.sequence,
    streamId: tape.lastId,
    epoch: tape.epoch,
    ordinal: tape.ordinal,
    capturedTimeMs: outcome.capturedTimeMs,
    exchangeTimeMs: outcome.exchangeTimeMs,
    lastTradePrice: outcome.lastTradePrice,
    tickSize: outcome.book.identity.tickSize,
    hash: outcome.hash,
    bids: toPairs(bids),
    asks: toPairs(asks),
    resume: {
      subscription: tape.subscription,
      status,
      gapSequence,
      gapReason,
      snapshotTimeMs,
      droppedTimeMs: window.droppedTimeMs,
      recent: window
        .all()
        .map(({ change, exchangeTimeMs }) => [
          change.side,
          change.level.priceText,
          change.level.sizeText,
          exchangeTimeMs,
        ]),
    },
  }
}

/** The whole state of a market's tape at its present position, one row an outcome. */
export const toCheckpoints = (tape: MarketTape): CheckpointRow[] =>
  tape.outcomes.map((outcome) => outcomeCheckpoint(tape, outcome))

const toTimedChange = ([
  side,
  price,
  size,
  exchangeTimeMs,
]: CheckpointRow['resume']['recent'][number]): TimedChange => ({
  change: { side, level: toLevel([price, size]) },
  exchangeTimeMs,
})

const restoreOutcome = (outcome: OutcomeTape, row: CheckpointRow): void => {
  const levels: BookLevels = { bids: row.bids.map(toLevel), asks: row.asks.map(toLevel) }
  outcome.book.replace(levels)
  outcome.book.identity = { ...outcome.book.identity, tickSize: row.tickSize }
  outcome.ladder.replaceAll()
  outcome.sequence = row.sequence
  outcome.capturedTimeMs = row.capturedTimeMs
  outcome.exchangeTimeMs = row.exchangeTimeMs
  outcome.lastTradePrice = row.lastTradePrice
  outcome.hash = row.hash
  outcome.status = row.resume.status
  outcome.gapSequence = row.resume.gapSequence
  outcome.gapReason = row.resume.gapReason
  outcome.snapshotTimeMs = row.resume.snapshotTimeMs
  outcome.window.restore(row.resume.recent.map(toTimedChange), row.resume.droppedTimeMs)
}

/** Puts a tape back to where its checkpoints were taken. Rows of other outcomes than the market's are ignored. */
export const restoreTape = (tape: MarketTape, rows: CheckpointRow[]): void => {
  const [first] = rows
  if (first === undefined) return
  tape.epoch = first.epoch
  tape.ordinal = first.ordinal
  tape.lastId = first.streamId
  tape.subscription = first.resume.subscription
  for (const row of rows) {
    const outcome = tape.outcomes.find((candidate) => candidate.outcome.outcomeId === row.outcomeId)
    if (outcome !== undefined) restoreOutcome(outcome, row)
  }
}
