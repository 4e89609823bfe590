import type { LevelChange } from '../domain/book.ts'
import type { Batch, FillRow, FrameContext } from './batch.ts'
import type { WriteContext } from './event-writer.ts'
import type { MarketTape } from './market-tape.ts'
import type { OutcomeTape } from './outcome-tape.ts'

/** When, and the batch that takes what comes of it. `capturedTimeMs`: `captured_at` of the rows, in epoch ms. */
export type Moment = { capturedTimeMs: number; exchangeTimeMs: number | undefined; batch: Batch }

/**
 * What is derived from a market's books and trades hears of them here, in stream order. What a listener puts into the
 * batch commits with the offset of the frame that caused it: after a crash the same frames are told again, and none
 * before them. So what it keeps across frames has to come from what was committed. It must neither wait nor throw.
 */
export type MarketListener = {
  /** A followed book is about to take changes, and still holds the old sizes. Some may leave a level as it is. */
  beforeChanges?: (outcome: OutcomeTape, changes: LevelChange[], moment: Moment) => void
  /** The book holds the new state. `gap`: from here to the next snapshot nothing is known of it. */
  afterBook?: (outcome: OutcomeTape, kind: 'snapshot' | 'change' | 'gap', moment: Moment) => void
  /** The market channel told of a trade. */
  afterFill?: (fill: FillRow, batch: Batch) => void
  /** A frame was applied, whatever came of it: quote, state and subscription are as the frame left them. */
  afterFrame?: (tape: MarketTape, context: FrameContext) => void
  /** The market has ended and its tape is put away: what is open is final. */
  afterEnd?: (batch: Batch) => void
  /**
   * What it has to go on with after a restart, as members of a JSON object, or '': the text of a `KeptProgress`, so that what
   * did not change since the last commit need not be put into words again. Commits with the offset, and stands in `kept` of
   * the tape that is opened.
   */
  keep?: () => string
}

const momentOf = ({ writer }: OutcomeTape, { frame, batch, exchangeTimeMs }: WriteContext): Moment => ({
  capturedTimeMs: writer.timeOf(frame),
  exchangeTimeMs,
  batch,
})

export const tellChanges = (outcome: OutcomeTape, changes: LevelChange[], context: WriteContext): void => {
  if (outcome.listeners.length === 0 || changes.length === 0) return
  const moment = momentOf(outcome, context)
  for (const { beforeChanges } of outcome.listeners) beforeChanges?.(outcome, changes, moment)
}

export const tellBook = (outcome: OutcomeTape, kind: 'snapshot' | 'change' | 'gap', context: WriteContext): void => {
  if (outcome.listeners.length === 0) return
  const moment = momentOf(outcome, context)
  for (const { afterBook } of outcome.listeners) afterBook?.(outcome, kind, moment)
}

export const tellFill = ({ listeners }: MarketTape, fill: FillRow, batch: Batch): void => {
  for (const { afterFill } of listeners) afterFill?.(fill, batch)
}

export const tellFrame = (tape: MarketTape, context: FrameContext): void => {
  for (const { afterFrame } of tape.listeners) afterFrame?.(tape, context)
}

export const tellEnd = ({ listeners }: MarketTape, batch: Batch): void => {
  for (const { afterEnd } of listeners) afterEnd?.(batch)
}

/** JSON of what the listeners keep; of a tape that has none, of what was kept before. */
export const keptTextOf = ({ listeners, kept }: MarketTape): string => {
  if (listeners.length === 0) return JSON.stringify(kept)
  const members = listeners.map(({ keep }) => keep?.() ?? '').filter((text) => text !== '')
  return `{${members.join(',')}}`
}
