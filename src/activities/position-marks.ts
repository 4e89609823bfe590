import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { readTops } from '../cache/tops.ts'
import type { Config } from '../config.ts'
import { toMark } from '../domain/mark.ts'
import { every, oneAtATime } from '../lib/every.ts'
import type { Stats } from '../lib/stats.ts'
import { forgetUntracked, readOpenOutcomes, writeMarks } from '../store/position-marks.ts'

export type PositionMarksDeps = {
  pool: Pool
  redis: Redis
  config: Pick<Config, 'TRACKED_WALLETS' | 'MARK_POSITIONS_EVERY_MS'>
  stats: Stats
}

/**
 * One pass: the mids of all outcomes of which somebody holds shares, from the hot cache into the open positions. Nothing is
 * remembered between passes: what a pass did not get to is found by the next.
 */
const createPositionMarks = ({ pool, redis, config, stats }: PositionMarksDeps) => {
  let isForgotten = false
  return async (): Promise<void> => {
    if (!isForgotten) await forgetUntracked(pool, config.TRACKED_WALLETS)
    isForgotten = true
    const open = await readOpenOutcomes(pool)
    const tops = await readTops(
      redis,
      open.map(({ outcomeId }) => outcomeId),
    )
    const gaps = new Set(open.flatMap(({ outcomeId, isInGap }) => (isInGap ? [outcomeId] : [])))
    stats.count('positionsMarked', await writeMarks(pool, tops.map((top) => toMark(top, gaps.has(top.outcomeId))))) // prettier-ignore
  }
}

/** Marks from time to time, as the one shard that commits fills. A pass that fails is counted; the marks stay as they are. */
export const startMarking = (deps: PositionMarksDeps, ended: AbortSignal): void => {
  const mark = oneAtATime(createPositionMarks(deps), () => deps.stats.count('careErrors'))
  every(deps.config.MARK_POSITIONS_EVERY_MS, mark, ended)
}
