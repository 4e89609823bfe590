import type { Stats } from '../lib/stats.ts'
import { tellEnd } from '../normalizer/listener.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import type { Reader } from '../stream/read.ts'
import type { Commits } from './normalizer-commits.ts'
import type { Tapes } from './normalizer-tapes.ts'

export type ClosingDeps = {
  tapes: Tapes
  reader: Reader
  commits: Commits
  /** Whether readers see all that changed of it. */
  isWritten: (tape: MarketTape) => boolean
  stats: Stats
  /** How long an ended market must have been without a word. */
  closeAfterMs: number
}

/** As many whole books as one commit takes. */
const MOST_AT_ONCE = 16

/** That it is closed is committed, with the checkpoint from which it opens again. */
const isPutAway = ({ closedId, sealedId, lastId, isCheckpointDue }: MarketTape): boolean =>
  closedId === lastId && sealedId === lastId && !isCheckpointDue

/**
 * Of markets that were stopped or are resolved nothing is kept in memory: open → quiet for `closeAfterMs` → put away (a
 * commit of its own says so, and holds its last checkpoint) → closed. An entry at any point begins anew; one that comes
 * later opens the stream as a restart would.
 */
export const createClosing = ({ tapes, reader, commits, isWritten, stats, closeAfterMs }: ClosingDeps) => {
  const quiet = new WeakMap<MarketTape, { lastId: string; sinceMs: number }>()

  const isQuiet = (tape: MarketTape, nowMs: number): boolean => {
    const known = quiet.get(tape)
    if (known?.lastId === tape.lastId) return nowMs - known.sinceMs >= closeAfterMs
    quiet.set(tape, { lastId: tape.lastId, sinceMs: nowMs })
    return false
  }

  const putAway = (ended: MarketTape[]): void => {
    for (const tape of ended) {
      tape.closedId = tape.lastId
      tape.isCheckpointDue = true
      tellEnd(tape, commits.batch)
    }
    commits.mark(ended)
  }

  const close = (tape: MarketTape): void => {
    tapes.close(tape)
    stats.count('tapesClosed')
    if (tape.isResolved) reader.discard(tape.stream, tape.lastId).catch(() => stats.count('trimErrors'))
  }

  /** To be called while no read is under way. `isDue`: streams that may have entries that are not applied. */
  return (nowMs: number, isDue: (stream: string) => boolean): void => {
    const ended = tapes
      .markets()
      .filter((tape) => !tape.isShown && isQuiet(tape, nowMs) && !isDue(tape.stream))
      .filter((tape) => !commits.holds(tape) && isWritten(tape))
    for (const tape of ended) if (isPutAway(tape)) close(tape)
    putAway(ended.filter((tape) => !isPutAway(tape)).slice(0, MOST_AT_ONCE))
  }
}

export type Closing = ReturnType<typeof createClosing>
