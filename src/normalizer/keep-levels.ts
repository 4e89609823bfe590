import { compareKept } from '../domain/kept-levels.ts'
import type { TapeContext } from './batch.ts'
import { writtenBy } from './event-writer.ts'
import type { MarketTape } from './market-tape.ts'
import type { OutcomeTape } from './outcome-tape.ts'
import { shedTo, type ToldDepth } from './shed-books.ts'

/**
 * One event of kind `change`, within a gap too: the book is what it was, only less or more of it is kept. A snapshot
 * would say that the venue had sent a whole book, and end a gap for whoever reads the rows.
 */
const writeDifference = (outcome: OutcomeTape, levels: number, context: TapeContext): void => {
  const { book, writer, exchangeTimeMs, verification } = outcome
  const { sequence } = writer
  const before = book.top(writer.depth)
  writer.depth = levels
  writer.ladder.replaceAll()
  writer.writeChanges(compareKept(before, book.top(levels)), writtenBy(context, exchangeTimeMs))
  verification.proof.renumber(sequence, writer.sequence)
}

const keepOutcome = (outcome: OutcomeTape, told: ToldDepth, context: TapeContext): void => {
  const { tier, depth } = outcome.writer
  if ((told.tier ?? 0) !== tier) shedTo(outcome, told, context)
  else if (told.levels !== depth) writeDifference(outcome, told.levels, context)
}

/**
 * From here on the best `levels` a side are written, 0 = all: what leaves or enters them is written at once. And so much is
 * shed: see `shedTo`.
 */
export const keepAsTold = (tape: MarketTape, told: ToldDepth, context: TapeContext): void => {
  const { depth } = tape
  if (tape.outcomes.some(({ writer }) => writer.tier !== (told.tier ?? 0))) tape.isCheckpointDue = true
  for (const outcome of tape.outcomes) keepOutcome(outcome, told, context)
  if (told.levels === depth) return
  const { marketId } = tape.market
  const capturedTimeMs = Math.max(...tape.outcomes.map(({ writer }) => writer.timeOf(context.frame)))
  context.batch.depths.push({ marketId, capturedTimeMs, depth: told.levels })
}
