import { isReconnect } from '../domain/frame.ts'
import { followsBooks } from '../domain/shed.ts'
import type { OutcomeTape } from './outcome-tape.ts'

/** A `book` may come up to this much after changes that are newer than it (8 ms were seen between event types). */
export const REORDER_MS = 100

/** What becomes of a whole book: compared, passed over as stale, applied as a difference, or the start of a book. */
export const bookFate = (
  { status, exchangeTimeMs: newestTimeMs = 0, snapshotTimeMs, gapReason, window, writer }: OutcomeTape,
  { exchangeTimeMs, isRest }: { exchangeTimeMs: number; isRest: boolean },
): 'compare' | 'stale' | 'difference' | 'snapshot' => {
  if (!followsBooks(writer.tier)) return 'stale'
  if (status === 'following') {
    if (isRest) return 'compare'
    return exchangeTimeMs < Math.max(snapshotTimeMs, newestTimeMs - REORDER_MS) ? 'stale' : 'difference'
  }
  if (!isRest && (gapReason === undefined || isReconnect(gapReason))) return 'snapshot'
  // Nor is a late book of the socket that goes on a snapshot: it lacks what was applied since.
  return exchangeTimeMs < newestTimeMs || (isRest && window.isBeyond(exchangeTimeMs)) ? 'stale' : 'snapshot'
}
