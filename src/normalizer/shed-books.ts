import type { Marker } from '../domain/frame.ts'
import type { ShedProgress } from '../domain/progress.ts'
import { followsBooks, ROWLESS_TIER, SHED_TEXTS, SHED_TIERS, writesRows, type ShedTier } from '../domain/shed.ts'
import type { GapCause, TapeContext } from './batch.ts'
import type { Since } from './proof-state.ts'
import { EMPTY_ROW, toRows } from './event-writer.ts'
import { recordGap, toGapOpened } from './gap-rows.ts'
import { tellBook } from './listener.ts'
import type { OutcomeTape } from './outcome-tape.ts'

export type ToldDepth = Extract<Marker, { type: 'depth' }>

/** For offset and checkpoint. */
export const shedProgress = ({ writer: { tier, sheds } }: OutcomeTape): ShedProgress | undefined =>
  tier === 0 && sheds.length === 0 ? undefined : { tier, sequences: [...sheds] }

export const resumeSheds = (outcome: OutcomeTape, progress: ShedProgress | undefined): void => {
  outcome.writer.tier = progress?.tier ?? 0
  outcome.writer.sheds = progress?.sequences ?? []
}

type Opening = { tier: ShedTier; since: Since | undefined }

/** Each tier is a gap of its own beside those of losses: so history says since when how much is not known. */
const openShed = (outcome: OutcomeTape, { tier, since }: Opening, context: TapeContext): void => {
  const { writer, verification } = outcome
  const { sequence } = writer
  const cause: GapCause = {
    reason: 'cost',
    detail: `tier ${tier}: ${SHED_TEXTS[tier]}, since the costs would be above the budget`,
    sinceTimeMs: since?.sinceTimeMs ?? context.frame.receivedTimeMs,
    lastGoodSequence: since?.lastGoodSequence ?? sequence,
  }
  const opened = toGapOpened(outcome, { cause, since: undefined }, writer.timeOf(context.frame))
  const written = { ...context, exchangeTimeMs: undefined }
  writer.write('gap', [EMPTY_ROW], written)
  writer.sheds.push(opened.gapSequence)
  recordGap(opened, context.batch, outcome.deps.stats)
  verification.proof.renumber(sequence, writer.sequence)
  if (tier === ROWLESS_TIER) tellBook(outcome, 'gap', written)
}

/** In a gap that nobody chose: what a budget sheds is told by its tier. */
export const isLost = ({ status, gapReason, writer }: OutcomeTape): boolean =>
  status === 'gap' && gapReason !== 'cost' && followsBooks(writer.tier)

/** Nothing comes of the book any more: what was known of it grows old, so it is not shown either. */
const forgetBook = (outcome: OutcomeTape): void => {
  if (outcome.status === 'following') {
    outcome.status = 'gap'
    outcome.gapReason = 'cost'
  }
  outcome.window.clear()
  outcome.verification.drop()
  outcome.book.replace({ bids: [], asks: [] })
}

const openSheds = (outcome: OutcomeTape, tier: ShedTier, context: TapeContext): void => {
  const { writer, verification, status } = outcome
  const isEnding = !followsBooks(tier) && status === 'following'
  const unproved = isEnding ? verification.cut(context) : undefined
  for (const each of SHED_TIERS) {
    if (each <= writer.sheds.length || each > tier) continue
    openShed(outcome, { tier: each, since: followsBooks(each) ? undefined : unproved }, context)
  }
}

/**
 * The book as it stands, of which so much is kept as the tier says: for whoever reads the rows it begins anew. It costs less
 * than removing all that is kept no more, and ends what is shed no more.
 */
const writeAnew = (outcome: OutcomeTape, tierBefore: ShedTier, context: TapeContext): void => {
  const { writer, book, verification, exchangeTimeMs } = outcome
  const { sequence, tier, depth } = writer
  const written = { ...context, exchangeTimeMs }
  writer.write('snapshot', toRows(book.top(depth)), written)
  if (writesRows(tier) && !writesRows(tierBefore)) tellBook(outcome, 'snapshot', written)
  verification.proof.renumber(sequence, writer.sequence)
  endSheds(outcome, context)
}

/**
 * Another tier: more of it opens gaps, before its rows; less ends them with the book, or where it is not followed with its
 * next one.
 */
export const shedTo = (outcome: OutcomeTape, told: ToldDepth, context: TapeContext): void => {
  const { levels, tier = 0, newest = {} } = told
  const { writer, window } = outcome
  const { tier: tierBefore } = writer
  if (tier > tierBefore) openSheds(outcome, tier, context)
  // What was shed is as good as dropped here: a REST book that is older than it is none to go on from.
  window.droppedTimeMs = Math.max(window.droppedTimeMs, newest[outcome.outcome.token] ?? 0)
  writer.tier = tier
  writer.depth = levels
  writer.ladder.replaceAll()
  if (!followsBooks(tier)) forgetBook(outcome)
  else if (outcome.status === 'following') writeAnew(outcome, tierBefore, context)
}

/** Ends the gaps of what is shed no more; to be called after the rows of a whole book. */
export const endSheds = (outcome: OutcomeTape, { frame, batch }: TapeContext): void => {
  const { writer } = outcome
  if (writer.sheds.length <= writer.tier) return
  const { outcomeId } = outcome.outcome
  const closed = { outcomeId, closedTimeMs: writer.timeOf(frame), firstGoodSequence: writer.sequence }
  for (const gapSequence of writer.sheds.splice(writer.tier)) {
    batch.gapsClosed.push({ ...closed, gapSequence, isNothingMissed: false })
  }
}
