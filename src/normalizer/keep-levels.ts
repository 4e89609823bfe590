import { compareKept } from '../domain/kept-levels.ts'
import type { TapeContext } from './batch.ts'
import { writtenBy } from './event-writer.ts'
import type { MarketTape } from './market-tape.ts'
import type { OutcomeTape } from './outcome-tape.ts'

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

/** From here on the best `levels` a side are written, 0 = all: what leaves or enters them is written at once. */
export const keepLevels = (tape: MarketTape, levels: number, context: TapeContext): void => {
  if (levels === tape.depth) return
  for (const outcome of tape.outcomes) writeDifference(outcome, levels, context)
  const { marketId } = tape.market
  const capturedTimeMs = Math.max(...tape.outcomes.map(({ writer }) => writer.timeOf(context.frame)))
  context.batch.depths.push({ marketId, capturedTimeMs, depth: levels })
}
