import { cancellationSignal } from '@temporalio/activity'
import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import type { DataApi } from '../domain/data-page.ts'
import { TRADES_STREAM } from '../domain/keys.ts'
import { createOutlet, toDataFrame } from '../feed/trades/outlet.ts'
import { walk, type Step, type WalkPlace } from '../feed/trades/walk.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { createEpoch, type Appender } from '../stream/append.ts'
import { identifyTrade } from '../venue/polymarket/data-identity.ts'
import { createBackfillWaits } from './backfill-waits.ts'
import { beating } from './beating.ts'

export type BackfillDeps = {
  source: DataApi
  appender: Appender
  redis: Redis
  pool: Pool
  log: Logger
  stats: Stats
}

/** Both ends are part of it. Without `at` it begins with the newest fill. */
export type BackfillSlice = { conditionId: string; fromTimeMs: number; toTimeMs: number; at?: WalkPlace }

/**
 * `at`: where the next slice goes on; absent at the end. `reachedTimeMs`: time of the oldest fill that was read. `isCut`: the
 * venue shows no older ones, though there are.
 */
export type BackfilledSlice = {
  at?: WalkPlace
  pages: number
  fills: number
  reachedTimeMs?: number
  isCut: boolean
}

const PAGE = 500
/** A worker that dies leaves the pages of a slice to be read again. */
const PAGES_PER_SLICE = 4
/** Of a whole backfill: ten million fills. */
const MOST_PAGES = 20_000
/** Elements of a page are in the order of the venue's clock, give or take. */
const ORDER_SLACK_MS = 5_000

const isWithin = (timeMs: number | undefined, { fromTimeMs, toTimeMs }: BackfillSlice): boolean =>
  timeMs !== undefined && timeMs >= fromTimeMs && timeMs <= toTimeMs

/** What stands after a page of which so many fills were wanted. */
const after = (done: BackfilledSlice, step: Step, fills: number, fromTimeMs: number): BackfilledSlice => {
  const reachedTimeMs = step.elements.at(-1)?.exchangeTimeMs ?? done.reachedTimeMs
  const isDone = reachedTimeMs !== undefined && reachedTimeMs < fromTimeMs - ORDER_SLACK_MS
  return {
    ...(step.next === undefined || isDone ? {} : { at: step.next }),
    pages: done.pages + 1,
    fills: done.fills + fills,
    ...(reachedTimeMs === undefined ? {} : { reachedTimeMs }),
    isCut: step.isCut && !isDone,
  }
}

export type BackfillActivities = ReturnType<typeof createBackfillActivities>

export const createBackfillActivities = (deps: BackfillDeps) => {
  const { appender, log, stats } = deps
  const waits = createBackfillWaits(deps)
  const readSlice = async (slice: BackfillSlice, signal: AbortSignal): Promise<BackfilledSlice> => {
    let isLost = false
    const onLoss = (): void => void (isLost = true)
    const outlet = createOutlet({ appender, createEpoch, onLoss, log, stats })
    const from = slice.at === undefined ? {} : { from: slice.at }
    const steps = walk(
      { conditionIds: [slice.conditionId], limit: PAGE, mostPages: MOST_PAGES, isPatient: true, ...from },
      { ...deps, identify: identifyTrade },
      signal,
    )
    let done: BackfilledSlice = { pages: 0, fills: 0, isCut: false }
    for await (const step of steps) {
      const wanted = step.elements.filter(({ exchangeTimeMs }) => isWithin(exchangeTimeMs, slice))
      await waits.untilTaken(signal)
      await outlet.put(
        wanted.map((element) => toDataFrame('data_trade', element, step.receivedTimeMs)),
        signal,
      )
      // Its retry reads the slice again.
      if (isLost) throw new Error(`stream ${TRADES_STREAM} has lost entries that it had acknowledged`)
      stats.count('backfilledFills', wanted.length)
      done = after(done, step, wanted.length, slice.fromTimeMs)
      if (done.at === undefined || done.pages === PAGES_PER_SLICE) break
    }
    if (done.at === undefined) await waits.untilCommitted(signal)
    return done
  }
  return {
    /**
     * Appends the fills of some pages to the stream `trades`; what was appended before changes nothing. The last slice ends
     * when all is committed.
     */
    backfillSlice: (slice: BackfillSlice): Promise<BackfilledSlice> =>
      beating(() => readSlice(slice, cancellationSignal())),
  }
}
