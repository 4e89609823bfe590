import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { readTops } from '../cache/tops.ts'
import type { Config } from '../config.ts'
import { toMark } from '../domain/mark.ts'
import { every, oneAtATime } from '../lib/every.ts'
import type { Stats } from '../lib/stats.ts'
import { readOpenOutcomes, writeMarks } from '../store/position-marks.ts'

/** Outcomes of one pass. */
const MOST_OUTCOMES = 20_000

type MarkingDeps = { pool: Pool; redis: Redis; config: Pick<Config, 'MARK_POSITIONS_EVERY_MS'>; stats: Stats }

/**
 * Passes, each over so many outcomes of which somebody holds shares: their mids, from the hot cache into the open positions.
 * The next pass goes on after the last one of them, and at the end from the beginning: all are reached in turn.
 */
export const createMarking = ({ pool, redis, stats }: Omit<MarkingDeps, 'config'>, most = MOST_OUTCOMES) => {
  let afterId = ''
  return async (): Promise<void> => {
    const open = await readOpenOutcomes(pool, afterId, most)
    afterId = open.length < most ? '' : (open.at(-1)?.outcomeId ?? '')
    const isInGap = new Map(open.map((one) => [one.outcomeId, one.isInGap]))
    const tops = await readTops(redis, [...isInGap.keys()])
    const marks = tops.map((top) => toMark(top, isInGap.get(top.outcomeId) === true))
    stats.count('positionsMarked', await writeMarks(pool, marks))
  }
}

/** Marks from time to time, as the one shard that commits fills. A pass that fails is counted; the marks stay as they are. */
export const startMarking = (deps: MarkingDeps, ended: AbortSignal): void => {
  const mark = oneAtATime(createMarking(deps), () => deps.stats.count('careErrors'))
  every(deps.config.MARK_POSITIONS_EVERY_MS, mark, ended)
}
