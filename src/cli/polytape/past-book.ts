import type { Pool } from 'pg'
import type { BookAsOf } from '../../store/as-of.ts'
import { readDepthAt } from '../../store/depths.ts'
import { readBooksAnywhere } from '../query/archived-book.ts'
import type { Found } from './find-market.ts'
import { keptFacts } from './kept-text.ts'
import { toShownLevels } from './levels.ts'
import { ageText, clockText, countText, timeText } from './number-text.ts'
import { openArchive } from './open-archive.ts'
import type { ArchivePlace } from './places.ts'
import type { ShownBook, ShownOutcome } from './shown-book.ts'

const qualityText = ({ quality, gap }: BookAsOf, atTimeMs: number): string => {
  switch (quality) {
    case 'verified':
      return "verified by the venue's hash"
    case 'unverified':
      return 'unverified: no gap, but not proved'
    case 'imported':
      return 'imported: not recorded here, as another recorder knew it'
    case 'missing':
      return 'missing: no book had been received yet'
    case 'in_gap': {
      if (gap === undefined) return 'in a gap: may be wrong'
      const closed = gap.closedTimeMs === undefined ? 'still open' : clockText(gap.closedTimeMs, atTimeMs)
      return `in a gap (${gap.reason} ${clockText(gap.openedTimeMs, atTimeMs)} – ${closed}): may be wrong`
    }
  }
}

const eventFacts = (book: BookAsOf, atTimeMs: number): string[] => {
  if (book.sequence === undefined || book.capturedTimeMs === undefined) return []
  const venue = book.exchangeTimeMs === undefined ? [] : [`venue    ${clockText(book.exchangeTimeMs, atTimeMs)}`]
  const age = ageText(atTimeMs - book.capturedTimeMs).replace('ago', 'before')
  return [
    ...(book.sequence < 0 ? [] : [`sequence ${countText(book.sequence)}`]),
    ...venue,
    `received ${clockText(book.capturedTimeMs, atTimeMs)}, ${age}`,
  ]
}

const toShown = (book: BookAsOf, name: string, atTimeMs: number): ShownOutcome => ({
  outcomeId: book.outcomeId,
  name,
  facts: [qualityText(book, atTimeMs), ...eventFacts(book, atTimeMs)],
  bids: toShownLevels(book.bids),
  asks: toShownLevels(book.asks),
})

type Past = { archive: ArchivePlace; atTimeMs: number; maxBytes: number; warning: string | undefined }

/** The books of a market's outcomes as they were known at an instant. */
export const readPastBook = async (
  pool: Pool,
  { market, outcomes }: Found,
  { archive, atTimeMs, maxBytes, warning }: Past,
): Promise<ShownBook> => {
  await using objects = openArchive(archive)
  const outcomeIds = outcomes.map((outcome) => outcome.outcomeId)
  const books = await readBooksAnywhere(
    { pool, ...objects, onProgress: () => undefined },
    { marketId: market.marketId, outcomeIds, atTimeMs, maxBytes },
  )
  const kept = keptFacts(await readDepthAt(pool, market.marketId, atTimeMs))
  const nameOf = (id: string): string => outcomes.find((outcome) => outcome.outcomeId === id)?.name ?? ''
  return {
    question: market.question,
    warning,
    facts: [`market ${market.marketId}`, market.slug, `as of ${timeText(atTimeMs)} by receive time`, ...kept],
    outcomes: books.map((book) => toShown(book, nameOf(book.outcomeId), atTimeMs)),
  }
}
