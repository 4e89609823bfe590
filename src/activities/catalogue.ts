import { ApplicationFailure, heartbeat, activityInfo, cancellationSignal } from '@temporalio/activity'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import type { Market, MarketEnd } from '../domain/market.ts'
import { toMarket } from '../venue/polymarket/gamma-market.ts'
import type { GammaClient } from '../venue/polymarket/gamma.ts'
import type { CataloguePublisher } from './publish-catalogue.ts'

export type CatalogueDeps = { gamma: GammaClient; publisher: CataloguePublisher; log: Logger; stats: Stats }

/** What a market workflow needs to know of its market. Histories carry no more. */
export type MarketCard = { marketId: string; conditionId: string; slug: string; question: string; tokens: string[] }

/** `complete`: the last page was reached. `rejected`: listed without an order book, or malformed. */
export type RefreshCount = { pages: number; seen: number; changed: number; rejected: number }

const PAGE_SIZE = 100
/** Against a venue whose pages never end. Ten times the markets open in May 2026. */
const MAX_PAGES = 5_000

export const cardOf = (market: Market): MarketCard => ({
  marketId: market.marketId,
  conditionId: market.conditionId,
  slug: market.slug,
  question: market.question,
  tokens: market.outcomes.map((outcome) => outcome.token),
})

const endOf = ({ resolution }: Market): MarketEnd | undefined => {
  if (resolution === undefined) return undefined
  const { payouts, resolvedTimeMs } = resolution
  return { payouts, resolvedAt: resolvedTimeMs === undefined ? undefined : new Date(resolvedTimeMs).toISOString() }
}

type Progress = RefreshCount & { cursor: string | undefined }
const NO_PROGRESS: Progress = { pages: 0, seen: 0, changed: 0, rejected: 0, cursor: undefined }

const progressOf = (details: unknown): Progress =>
  typeof details === 'object' && details !== null ? { ...NO_PROGRESS, ...details } : NO_PROGRESS

export type CatalogueActivities = ReturnType<typeof createCatalogueActivities>

export const createCatalogueActivities = ({ gamma, publisher, log, stats }: CatalogueDeps) => ({
  /**
   * Reads one market by numeric id or slug and publishes it, so that it is in Postgres before its first book. `end`: of
   * one that has resolved.
   *
   * @throws ApplicationFailure `UnknownMarket` (404) and `NotABook` (no order book), both for good.
   */
  loadMarket: async ({ marketId }: { marketId: string }): Promise<MarketCard & { end?: MarketEnd }> => {
    const object = await gamma.market(marketId, cancellationSignal())
    if (object === undefined) {
      const message = `market ${marketId} is unknown: the venue's catalogue answered 404; check the id`
      throw ApplicationFailure.nonRetryable(message, 'UnknownMarket')
    }
    const parsed = toMarket(object)
    if (parsed.type === 'rejected') {
      throw ApplicationFailure.nonRetryable(`market ${marketId} cannot be recorded: ${parsed.detail}`, 'NotABook')
    }
    await publisher.publish([object])
    const end = endOf(parsed.market)
    return { ...cardOf(parsed.market), ...(end === undefined ? {} : { end }) }
  },

  /** Pages all open markets and publishes the changed ones. Continues at the cursor of its last heartbeat. */
  refreshMarkets: async (): Promise<RefreshCount> => {
    let progress = progressOf(activityInfo().heartbeatDetails)
    do {
      const page = await gamma.openMarkets(
        { limit: PAGE_SIZE, order: 'id', cursor: progress.cursor },
        cancellationSignal(),
      )
      const published = await publisher.publish(page.markets)
      progress = {
        pages: progress.pages + 1,
        seen: progress.seen + page.markets.length,
        changed: progress.changed + published.changed,
        rejected: progress.rejected + published.rejected,
        cursor: page.nextCursor,
      }
      heartbeat(progress)
    } while (progress.cursor !== undefined && progress.pages < MAX_PAGES)
    const { cursor, ...counted } = progress
    if (cursor !== undefined) throw new Error(`Gamma gave ${MAX_PAGES} pages and no last one`)
    stats.set('marketsKnown', counted.seen)
    log.debug(counted, 'refreshed the catalogue')
    return counted
  },
})
