import { orderbookStream } from '../domain/keys.ts'
import type { RefusedRow } from '../normalizer/batch.ts'
import { MarketTape } from '../normalizer/market-tape.ts'
import type { Commits } from './normalizer-commits.ts'
import { ownFrame } from './normalizer-open.ts'
import type { Tapes } from './normalizer-tapes.ts'

/**
 * Rows of these books were refused and stand as gaps in Postgres; the tapes learn of it here, ask for a whole book, and
 * their own gap goes on from where that of the refused rows ends. To be called in the turn after the commit.
 */
export const tellRefused = (refused: RefusedRow[], tapes: Tapes, commits: Commits): void => {
  for (const { marketId, outcomeId, gapSequence, detail } of refused) {
    const tape = tapes.get(orderbookStream(marketId))
    if (!(tape instanceof MarketTape)) continue
    tape.openGaps('refused_row', detail, { frame: ownFrame(), batch: commits.batch })
    const outcome = tape.outcomes.find((candidate) => candidate.outcome.outcomeId === outcomeId)
    if (outcome === undefined) continue
    const { capturedTimeMs: closedTimeMs, sequence: firstGoodSequence } = outcome.writer
    commits.batch.gapsClosed.push({ outcomeId, gapSequence, closedTimeMs, firstGoodSequence, isNothingMissed: false })
    commits.mark([tape])
  }
}
