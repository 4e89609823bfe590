import type { Marker } from '../domain/frame.ts'
import { compareKept } from '../domain/kept-levels.ts'
import type { TapeContext } from './batch.ts'
import type { MarketTape } from './market-tape.ts'
import type { OutcomeTape } from './outcome-tape.ts'
import { shedLess, shedMore } from './shed-books.ts'

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
  writer.writeChanges(compareKept(before, book.top(levels)), { ...context, exchangeTimeMs })
  verification.proof.renumber(sequence, writer.sequence)
}

type Told = Extract<Marker, { type: 'depth' }>

const keepOutcome = (outcome: OutcomeTape, { levels, tier = 0, newest = {} }: Told, context: TapeContext): void => {
  const { writer, window } = outcome
  if (tier > writer.tier) {
    shedMore(outcome, tier, context)
    return writeDifference(outcome, levels, context)
  }
  if (tier === writer.tier) return levels === writer.depth ? undefined : writeDifference(outcome, levels, context)
  // What was shed is as good as dropped here: a REST book that is older than it is none to go on from.
  window.droppedTimeMs = Math.max(window.droppedTimeMs, newest[outcome.outcome.token] ?? 0)
  writer.depth = levels
  shedLess(outcome, tier, context)
}

/**
 * From here on the best `levels` a side are written, 0 = all: what leaves or enters them is written at once. And so much is
 * shed: more opens gaps, less ends them with a whole book.
 */
export const keepAsTold = (tape: MarketTape, told: Told, context: TapeContext): void => {
  const { depth } = tape
  if (tape.outcomes.some(({ writer }) => writer.tier !== (told.tier ?? 0))) tape.isCheckpointDue = true
  for (const outcome of tape.outcomes) keepOutcome(outcome, told, context)
  if (told.levels === depth) return
  const { marketId } = tape.market
  const capturedTimeMs = Math.max(...tape.outcomes.map(({ writer }) => writer.timeOf(context.frame)))
  context.batch.depths.push({ marketId, capturedTimeMs, depth: told.levels })
}
