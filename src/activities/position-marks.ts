import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { readTops } from '../cache/tops.ts'
import type { Config } from '../config.ts'
import { toMark } from '../domain/mark.ts'
import { every, oneAtATime } from '../lib/every.ts'
import type { Stats } from '../lib/stats.ts'
import { readOpenOutcomes, writeMarks } from '../store/position-marks.ts'

type MarkingDeps = { pool: Pool; redis: Redis; config: Pick<Config, 'MARK_POSITIONS_EVERY_MS'>; stats: Stats }

/**
 * One pass: the mids of all outcomes of which somebody holds shares, from the hot cache into the open positions. Nothing is
 * remembered between passes: what a pass did not get to is found by the next.
 */
const markPositions = async ({ pool, redis, stats }: MarkingDeps): Promise<void> => {
  const open = await readOpenOutcomes(pool)
  const isInGap = new Map(open.map((one) => [one.outcomeId, one.isInGap]))
  const tops = await readTops(redis, [...isInGap.keys()])
  const marks = tops.map((top) => toMark(top, isInGap.get(top.outcomeId) === true))
  stats.count('positionsMarked', await writeMarks(pool, marks))
}

/** Marks from time to time, as the one shard that commits fills. A pass that fails is counted; the marks stay as they are. */
export const startMarking = (deps: MarkingDeps, ended: AbortSignal): void => {
  const mark = oneAtATime(
    () => markPositions(deps),
    () => deps.stats.count('careErrors'),
  )
  every(deps.config.MARK_POSITIONS_EVERY_MS, mark, ended)
}
