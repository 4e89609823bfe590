import { setTimeout as sleep } from 'node:timers/promises'
import { cancellationSignal, heartbeat } from '@temporalio/activity'
import type { Redis } from 'ioredis'
import type pg from 'pg'
import { orderbookStream } from '../domain/keys.ts'
import type { Market, MarketEnd } from '../domain/market.ts'
import type { Observation } from '../domain/observation.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { readOffset } from '../store/offsets.ts'
import { readEnd, readUnsettled, type Unsettled } from '../store/resolutions.ts'
import { countEntriesAfter } from '../stream/waiting.ts'
import { toMarket } from '../venue/polymarket/gamma-market.ts'
import type { GammaClient } from '../venue/polymarket/gamma-reads.ts'
import type { MarketRuns } from './policy-starts.ts'
import type { CataloguePublisher } from './publish-catalogue.ts'

export type ResolutionDeps = {
  gamma: GammaClient
  publisher: CataloguePublisher
  runs: Pick<MarketRuns, 'list'>
  redis: Redis
  pool: pg.Pool
  /** Tells a market's workflow; false where there is none. */
  tell: (observation: Observation) => Promise<boolean>
  log: Logger
  stats: Stats
}

/** `closed`: ids of recorded markets that the venue has closed, with or without a final word on what they pay. */
export type ResolutionCount = { asked: number; closed: string[]; resolved: number }

/** Gamma takes 100 `condition_ids`; these make a URL of 4 KB. */
const MARKETS_A_CALL = 50
const DRAIN_POLL_MS = 100

const isRefused = (error: unknown): boolean => error instanceof Error && 'retryable' in error && !error.retryable

const marketOf = (object: unknown): Market | undefined => {
  const parsed = toMarket(object)
  return parsed.type === 'market' ? parsed.market : undefined
}
const isClosed = (object: unknown): boolean => (marketOf(object)?.status ?? 'active') !== 'active'

/**
 * Objects of those that Gamma has closed. Where it does not heed the filters (it refuses them, or answers with others)
 * each market is asked for by its id.
 */
const closedAmong = async (gamma: GammaClient, asked: Unsettled[]): Promise<unknown[]> => {
  const ids = new Set(asked.map(({ marketId }) => marketId))
  const signal = cancellationSignal()
  const conditionIds = asked.map(({ conditionId }) => conditionId)
  const found = await gamma.closedMarkets(conditionIds, signal).catch((error: unknown) => {
    if (isRefused(error)) return undefined
    throw error
  })
  const isAskedFor = (object: unknown): boolean => isClosed(object) && ids.has(marketOf(object)?.marketId ?? '')
  if (found?.every(isAskedFor) === true) return found
  const objects: unknown[] = []
  for (const { marketId } of asked) {
    heartbeat()
    const object = await gamma.market(marketId, signal)
    if (isClosed(object)) objects.push(object)
  }
  return objects
}

export type ResolutionActivities = ReturnType<typeof createResolutionActivities>

export const createResolutionActivities = (deps: ResolutionDeps) => {
  const { gamma, publisher, runs, redis, pool, tell, log, stats } = deps

  /** Those that Postgres knows to be resolved though their workflow runs: it has not been told, or not been reached. */
  const tellRunning = async (unsettled: Unsettled[], running: ReadonlySet<string>): Promise<void> => {
    const untold = unsettled.filter(({ marketId, isResolved }) => isResolved && running.has(marketId))
    for (const { marketId, sequence, depth } of untold) {
      heartbeat()
      await tell({ marketId, state: 'resolved', depth, sequence, atTimeMs: Date.now(), feedEpoch: '' })
    }
  }

  return {
    /**
     * A broadcast may be lost, and a market that closes leaves the pages of open ones: asks Gamma for the closed ones
     * among all that are recorded or whose payouts are not final, and publishes what it says of them.
     */
    pollResolutions: async (): Promise<ResolutionCount> => {
      const running = new Set((await runs.list()).map(({ marketId }) => marketId))
      const unsettled = await readUnsettled(pool, [...running])
      await tellRunning(unsettled, running)
      const closed: string[] = []
      let resolved = 0
      for (let at = 0; at < unsettled.length; at += MARKETS_A_CALL) {
        heartbeat()
        const objects = await closedAmong(gamma, unsettled.slice(at, at + MARKETS_A_CALL))
        const { markets } = await publisher.publish(objects)
        closed.push(...markets.map(({ marketId }) => marketId))
        resolved += markets.filter(({ status }) => status === 'resolved').length
      }
      stats.count('resolutionsPolled', resolved)
      if (resolved > 0) log.info({ resolved }, 'the catalogue says what resolved markets pay')
      return { asked: unsettled.length, closed, resolved }
    },

    /** Waits until Postgres has all that stands in the market's stream; answers how it ended. Retried while it is not. */
    awaitDrained: async ({ marketId }: { marketId: string }): Promise<MarketEnd> => {
      const signal = cancellationSignal()
      const stream = orderbookStream(marketId)
      const isWaiting = async (): Promise<boolean> => {
        const lastId = (await readOffset(pool, stream))?.lastId ?? '0-0'
        return (await countEntriesAfter(redis, stream, lastId, 1)) > 0
      }
      while (await isWaiting()) await sleep(DRAIN_POLL_MS, undefined, { signal })
      return readEnd(pool, marketId)
    },
  }
}
