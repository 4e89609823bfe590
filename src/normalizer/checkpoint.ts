import { learnIdentity, type BookLevels } from '../domain/book.ts'
import type { Level } from '../domain/book-side.ts'
import { toMillionths } from '../domain/decimal.ts'
import type { CheckpointRow } from './checkpoint-row.ts'
import type { TimedChange } from './change-window.ts'
import type { MarketTape } from './market-tape.ts'
import type { OutcomeTape } from './outcome-tape.ts'
import { resumeSheds, shedProgress } from './shed-books.ts'

const toPairs = (levels: Level[]): [string, string][] => levels.map((level) => [level.priceText, level.sizeText])

const toLevel = ([priceText, sizeText]: [string, string]): Level => {
  const price = toMillionths(priceText)
  const size = toMillionths(sizeText)
  if (price === undefined || size === undefined) {
    throw new Error(`checkpoint holds a level that is no decimal: price "${priceText}", size "${sizeText}"`)
  }
  return { price, size, priceText, sizeText }
}

type Recent = CheckpointRow['resume']['recent'][number]

const toRecent = ({ change, time }: TimedChange): Recent => {
  const { side, level, hash, bestBid, bestAsk } = change
  return [side, level.priceText, level.sizeText, time.exchangeTimeMs, hash, bestBid, bestAsk]
}

const outcomeCheckpoint = (tape: MarketTape, outcome: OutcomeTape): CheckpointRow => {
  const { bids, asks } = outcome.book.top(0)
  const { tickSize, minOrderSize, negRisk, version } = outcome.book.identity
  const { status, gapSequence, gapReason, snapshotTimeMs, appliedTimeMs, window, writer } = outcome
  return {
    marketId: tape.market.marketId,
    outcomeId: outcome.outcome.outcomeId,
    sequence: writer.sequence,
    streamId: tape.lastId,
    epoch: tape.epoch,
    ordinal: tape.ordinal,
    capturedTimeMs: writer.capturedTimeMs,
    exchangeTimeMs: outcome.exchangeTimeMs,
    lastTradePrice: tape.prices.known,
    tickSize,
    depth: writer.depth,
    hash: outcome.hash,
    bids: toPairs(bids),
    asks: toPairs(asks),
    resume: {
      subscription: tape.subscription,
      receivedTimeMs: tape.receivedTimeMs,
      status,
      gapSequence,
      gapReason,
      shed: shedProgress(outcome),
      snapshotTimeMs,
      appliedTimeMs,
      changeTimeMs: outcome.changeTimeMs,
      presentTimeMs: outcome.presentTimeMs,
      droppedTimeMs: window.droppedTimeMs,
      inputs: { tickSize, minOrderSize, negRisk, version },
      verification: outcome.verification.state(),
      trades: outcome.trades.snapshot(),
      older: tape.older.snapshot(),
      recent: window.all().map(toRecent),
    },
  }
}

/** The whole state of a market's tape at its present position, one row an outcome. */
export const toCheckpoints = (tape: MarketTape): CheckpointRow[] =>
  tape.outcomes.map((outcome) => outcomeCheckpoint(tape, outcome))

const toTimedChange = (token: string, recent: Recent): TimedChange => {
  const [side, price, size, exchangeTimeMs, hash, bestBid, bestAsk] = recent
  const change = { token, side, level: toLevel([price, size]), hash, bestBid, bestAsk }
  return { change, time: { exchangeTimeMs, timestamp: String(exchangeTimeMs) } }
}

const restoreOutcome = (outcome: OutcomeTape, row: CheckpointRow): void => {
  const { resume } = row
  const levels: BookLevels = { bids: row.bids.map(toLevel), asks: row.asks.map(toLevel) }
  outcome.book.replace(levels)
  outcome.book.identity = learnIdentity(outcome.book.identity, resume.inputs)
  outcome.writer.ladder.replaceAll()
  outcome.writer.depth = row.depth
  outcome.writer.sequence = row.sequence
  outcome.writer.capturedTimeMs = row.capturedTimeMs
  outcome.exchangeTimeMs = row.exchangeTimeMs
  outcome.hash = row.hash
  outcome.status = resume.status
  outcome.gapSequence = resume.gapSequence
  outcome.gapReason = resume.gapReason
  resumeSheds(outcome, resume.shed)
  outcome.snapshotTimeMs = resume.snapshotTimeMs
  outcome.appliedTimeMs = resume.appliedTimeMs
  outcome.changeTimeMs = resume.changeTimeMs
  outcome.presentTimeMs = resume.presentTimeMs ?? 0
  outcome.verification.restore(resume.verification)
  outcome.trades.restore(resume.trades)
  const changes = resume.recent.map((recent) => toTimedChange(outcome.outcome.token, recent))
  outcome.window.restore(changes, resume.droppedTimeMs)
}

/** Puts a tape back to where its checkpoints were taken. Rows of other outcomes than the market's are ignored. */
export const restoreTape = (tape: MarketTape, rows: CheckpointRow[]): void => {
  const [first] = rows
  if (first === undefined) return
  tape.epoch = first.epoch
  tape.ordinal = first.ordinal
  tape.lastId = first.streamId
  tape.subscription = first.resume.subscription
  tape.receivedTimeMs = first.resume.receivedTimeMs
  tape.older.restore(first.resume.older)
  if (first.lastTradePrice !== undefined) tape.prices.learn(first.lastTradePrice)
  for (const row of rows) {
    const outcome = tape.outcomes.find((candidate) => candidate.outcome.outcomeId === row.outcomeId)
    if (outcome !== undefined) restoreOutcome(outcome, row)
  }
}
