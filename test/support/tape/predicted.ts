import { copyLevels, differenceOf, setLevel, type Levels, type LevelRow } from './levels.ts'
import type { Sent } from './sent.ts'

/** What one event must have written: rows that share a sequence. `at` and `timeMs` are those of the text it came in. */
export type RowEvent = { at: number; timeMs: number; venueMs: number; rows: LevelRow[] }

const isOfBook = (sent: Sent): sent is Extract<Sent, { type: 'book' | 'change' }> =>
  sent.type === 'book' || sent.type === 'change'

/**
 * The rows of kind `change` that follow a snapshot, by what ARCHITECTURE.md promises: a change element that changes its
 * level's value is one row; a whole book is the levels in which it differs; what is older than the last whole book is
 * dropped; what changes nothing writes nothing.
 */
export const predictEvents = (start: Levels, startVenueMs: number, sent: readonly Sent[]): RowEvent[] => {
  const levels = copyLevels(start)
  let wholeVenueMs = startVenueMs
  const events: RowEvent[] = []
  for (const one of sent) {
    if (!isOfBook(one) || one.venueMs < wholeVenueMs) continue
    const { at, timeMs, venueMs } = one
    const rows = one.type === 'change' ? [one.row] : differenceOf(levels, one.levels)
    const written = rows.filter((row) => setLevel(levels, row))
    if (one.type === 'book') wholeVenueMs = venueMs
    if (written.length > 0) events.push({ at, timeMs, venueMs, rows: written })
  }
  return events
}
