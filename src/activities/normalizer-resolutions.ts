import type { Pool } from 'pg'
import { findResolved } from '../store/resolutions.ts'
import type { Commits } from './normalizer-commits.ts'
import type { Tapes } from './normalizer-tapes.ts'
import type { Views } from './normalizer-views.ts'

export type ResolutionsDeps = { pool: Pool; tapes: Tapes; commits: Commits; views: Views }

/**
 * Only shard 0 reads the stream `markets`; whichever shard records the market learns from Postgres that it is resolved,
 * and so does one that was down meanwhile. Takes its books out of the hot cache; the change of its state is what its
 * workflow hears.
 */
export const createResolutions = ({ pool, tapes, commits, views }: ResolutionsDeps) => {
  let isBusy = false
  const look = async (): Promise<void> => {
    const open = new Map(tapes.markets().flatMap((tape) => (tape.isResolved ? [] : [[tape.market.marketId, tape]])))
    const resolved = await findResolved(pool, [...open.keys()])
    const found = resolved.map((marketId) => open.get(marketId)).filter((tape) => tape !== undefined)
    const ended = found.filter((tape) => tapes.get(tape.stream) === tape)
    if (ended.length === 0) return
    for (const tape of ended) tape.isResolved = true
    commits.mark(ended)
    await views.show(ended)
  }
  /** One at a time: a Postgres that does not answer is asked once. */
  return async (): Promise<void> => {
    if (isBusy) return
    isBusy = true
    await look().finally(() => (isBusy = false))
  }
}
