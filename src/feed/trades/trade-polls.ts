import { knownKey, type Known } from './known.ts'
import { toDataFrame, type Outlet } from './outlet.ts'
import { walk, type Step, type WalkDeps } from './walk.ts'

/** Until when all that the venue showed is in the stream, on this host's clock; outlives the process. */
export type Coverage = { read(): Promise<number | undefined>; write(timeMs: number): Promise<void> }

export type TradePollsDeps = WalkDeps & {
  known: Known
  outlet: Outlet
  coverage: Coverage
  /** Condition ids of the markets whose fills are wanted. */
  readRecorded: () => Promise<ReadonlySet<string>>
  /** Between looks at everything of the last `lateMs`, known or not. */
  sweepEveryMs: number
  /** By how much a fill may come late and still be found. */
  lateMs: number
  now: () => number
  /** Of a clock that is never set back. */
  elapsedMs: () => number
}

/** So many the venue takes as a filter. With more markets, the fills of all are read: a call each second either way. */
const MOST_CONDITIONS = 20
const POLL_PAGE = 100
const SWEEP_PAGE = 500
/** After a longer absence, a backfill is for the rest. */
const MOST_CATCH_UP_MS = 3_600_000
/** An hour of the busiest venue, in pages of a poll. */
const MOST_PAGES = 2_500
/** Elements of a page are in the order of the venue's clock, give or take. */
const ORDER_SLACK_MS = 5_000

type Scan = { floorTimeMs: number; isSweep: boolean; limit: number }

const endsBefore = ({ elements }: Step, floorTimeMs: number): boolean => {
  const lastTimeMs = elements.at(-1)?.exchangeTimeMs
  return lastTimeMs !== undefined && lastTimeMs < floorTimeMs - ORDER_SLACK_MS
}

type Take = (step: Step, recorded: ReadonlySet<string>, signal: AbortSignal) => Promise<number>

/** Appends what is new of recorded markets; returns how much was new of any. What failed stays new. */
const createTake =
  ({ known, outlet, stats }: TradePollsDeps): Take =>
  async (step, recorded, signal) => {
    const marked = step.elements.map((element) => {
      // One that names no market is for the dead letters.
      const isWanted = element.conditionId === undefined || recorded.has(element.conditionId)
      return { element, isWanted, key: knownKey(element, isWanted) }
    })
    const fresh = marked.filter(({ element, key }) => element.ordinal >= known.countOf(key))
    const wanted = fresh.filter(({ isWanted }) => isWanted)
    await outlet.put(
      wanted.map(({ element }) => toDataFrame('data_trade', element, step.receivedTimeMs)),
      signal,
    )
    for (const { element, key } of fresh) {
      known.raise(key, element.ordinal + 1, element.exchangeTimeMs ?? step.receivedTimeMs)
    }
    stats.count('dataTrades', wanted.length)
    return fresh.length
  }

/**
 * Each poll pages back until a page brings nothing new, so that it reads one page more than it needs: the venue's time has
 * seconds, and fills appear late, in their place by time. Those that come later still, a sweep of the last minutes finds.
 * After a scan that failed half-way, new pages end before what it did not reach, so that the next one is a sweep.
 */
export const createTradePolls = (deps: TradePollsDeps): ((signal: AbortSignal) => Promise<void>) => {
  const { coverage, now, log, stats } = deps
  const take = createTake(deps)
  let coveredTimeMs: number | undefined
  /** When the last sweep began, by `elapsedMs`; undefined where one is due. */
  let sweptAtMs: number | undefined

  const scan = async (given: Scan, recorded: ReadonlySet<string>, signal: AbortSignal): Promise<void> => {
    const conditionIds = recorded.size <= MOST_CONDITIONS ? [...recorded] : []
    for await (const step of walk({ conditionIds, limit: given.limit, mostPages: MOST_PAGES }, deps, signal)) {
      const freshCount = await take(step, recorded, signal)
      if (step.isCut) {
        stats.count('dataScansCut')
        log.warn('the venue shows no more of what came since the last poll: a backfill finds the rest')
      }
      if ((freshCount === 0 && !given.isSweep) || endsBefore(step, given.floorTimeMs)) return
    }
  }
  const tellUncovered = (sinceTimeMs: number): void => {
    stats.count('dataCatchUpsCut')
    log.warn({ since: new Date(sinceTimeMs).toISOString() }, 'nothing was polled for over an hour: run a backfill')
  }
  return async (signal) => {
    const startedTimeMs = now()
    const recorded = await deps.readRecorded()
    coveredTimeMs ??= (await coverage.read()) ?? startedTimeMs
    if (recorded.size > 0) {
      const startedAtMs = deps.elapsedMs()
      const sweptBeforeMs = sweptAtMs ?? -Infinity
      const isSweep = startedAtMs - sweptBeforeMs >= deps.sweepEveryMs
      // What is older was there in time, or is left to a backfill.
      const earliestTimeMs = startedTimeMs - MOST_CATCH_UP_MS
      const floorTimeMs = Math.min(Math.max(coveredTimeMs, earliestTimeMs), startedTimeMs) - deps.lateMs
      sweptAtMs = undefined
      await scan({ floorTimeMs, isSweep, limit: isSweep ? SWEEP_PAGE : POLL_PAGE }, recorded, signal)
      sweptAtMs = isSweep ? startedAtMs : sweptBeforeMs
      if (coveredTimeMs < earliestTimeMs) tellUncovered(coveredTimeMs)
    }
    coveredTimeMs = startedTimeMs
    await coverage.write(startedTimeMs)
  }
}
