import { ApplicationFailure, heartbeat, activityInfo, cancellationSignal } from '@temporalio/activity'
import type pg from 'pg'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import type { Market, MarketEnd } from '../domain/market.ts'
import { toMarket } from '../venue/polymarket/gamma-market.ts'
import { writeLiquiditySamples } from '../store/liquidity-samples.ts'
import { readUnresolvedBut } from '../store/markets.ts'
import { toLiquiditySample } from '../venue/polymarket/gamma-liquidity.ts'
import type { GammaClient } from '../venue/polymarket/gamma-reads.ts'
import { readPages, type PageCount, type PageProgress } from './pages.ts'
import { publishById } from './publish-by-id.ts'
import type { CataloguePublisher } from './publish-catalogue.ts'

export type CatalogueDeps = {
  gamma: GammaClient
  publisher: CataloguePublisher
  pool: pg.Pool
  log: Logger
  stats: Stats
}

/** What a market workflow needs to know of its market. Histories carry no more. */
export type MarketCard = { marketId: string; conditionId: string; slug: string; question: string; tokens: string[] }

/**
 * `rejected`: listed without an order book, or malformed. `gone`: not listed any more; `closed` of them, and `missed`:
 * open all the same, though the pages left them out.
 */
export type RefreshCount = PageCount & {
  changed: number
  rejected: number
  gone: number
  closed: number
  missed: number
}

const PAGE_SIZE = 100
/** Against a venue whose pages never end. Ten times the markets open in May 2026. */
const MOST_PAGES = 5_000
/** Of more, the next refresh asks. */
const MOST_GONE = 2_000

export const cardOf = (market: Market): MarketCard => ({
  marketId: market.marketId,
  conditionId: market.conditionId,
  slug: market.slug,
  question: market.question,
  tokens: market.outcomes.map((outcome) => outcome.token),
})

type Published = { changed: number; rejected: number }
type Progress = { page: PageProgress | undefined; published: Published }
const NO_PROGRESS: Progress = { page: undefined, published: { changed: 0, rejected: 0 } }

const endOf = ({ resolution }: Market): MarketEnd | undefined => {
  if (resolution === undefined) return undefined
  const { payouts, resolvedTimeMs } = resolution
  return { payouts, resolvedAt: resolvedTimeMs === undefined ? undefined : new Date(resolvedTimeMs).toISOString() }
}

/** Where the last attempt stood; one that had read the last page begins anew. */
const begunOf = (details: unknown): Progress => {
  const progress: Progress =
    typeof details === 'object' && details !== null ? { ...NO_PROGRESS, ...details } : NO_PROGRESS
  return progress.page?.cursor === undefined ? NO_PROGRESS : progress
}

/**
 * Asks for markets that were listed once and are not any more, so that what became of them is known though no event
 * told it.
 */
const followGone = async (deps: CatalogueDeps, listed: ReadonlySet<string>) => {
  const gone = await readUnresolvedBut(deps.pool, [...listed], MOST_GONE)
  const count = { gone: gone.length, closed: 0, missed: 0, changed: 0 }
  for await (const { closed, open } of publishById(deps, gone)) {
    count.closed += closed.markets.length
    count.missed += open.markets.length
    count.changed += closed.changed + open.changed
  }
  return count
}

export type CatalogueActivities = ReturnType<typeof createCatalogueActivities>

/** Without it the catalogue is as good as ever: the next refresh samples anew. */
const sampleLiquidity = async ({ pool, stats }: CatalogueDeps, objects: unknown[]): Promise<void> => {
  const samples = objects.map(toLiquiditySample).filter((sample) => sample !== undefined)
  try {
    stats.count('liquiditySamples', await writeLiquiditySamples(pool, samples, Date.now()))
  } catch {
    stats.count('liquiditySamplesFailed')
  }
}

const takePage = async (deps: CatalogueDeps, objects: unknown[], published: Published): Promise<void> => {
  const { changed, rejected } = await deps.publisher.publish(objects)
  published.changed += changed
  published.rejected += rejected
  await sampleLiquidity(deps, objects)
}

/** What the pages promised and did not show is no small matter: a market may be missing. */
const tellCount = ({ log, stats }: CatalogueDeps, count: RefreshCount): void => {
  stats.set('marketsKnown', count.seen)
  stats.set('catalogMissing', Math.max(0, count.promised - count.seen - count.repeated))
  stats.count('catalogRepeated', count.repeated)
  stats.count('catalogMissed', count.missed)
  if (count.isCut) stats.count('catalogPassesCut')
  if (count.isCut) log.warn(count, 'the catalogue ended before its last page; the next refresh begins anew')
  else log.debug(count, 'refreshed the catalogue')
}

export const createCatalogueActivities = (deps: CatalogueDeps) => ({
  /**
   * Reads one market by numeric id or slug and publishes it, so that it is in Postgres before its first book. `end`: of
   * one that has resolved.
   *
   * @throws ApplicationFailure `UnknownMarket` (404) and `NotABook` (no order book), both for good.
   */
  loadMarket: async ({ marketId }: { marketId: string }): Promise<MarketCard & { end?: MarketEnd }> => {
    const object = await deps.gamma.market(marketId, cancellationSignal())
    if (object === undefined) {
      const message = `market ${marketId} is unknown: the venue's catalogue answered 404; check the id`
      throw ApplicationFailure.nonRetryable(message, 'UnknownMarket')
    }
    const parsed = toMarket(object)
    if (parsed.type === 'rejected') {
      throw ApplicationFailure.nonRetryable(`market ${marketId} cannot be recorded: ${parsed.detail}`, 'NotABook')
    }
    await deps.publisher.publish([object])
    const end = endOf(parsed.market)
    return { ...cardOf(parsed.market), ...(end === undefined ? {} : { end }) }
  },

  /** Pages all open markets, publishes the changed ones and samples their liquidity. Continues at the cursor of its last heartbeat. */
  refreshMarkets: async (): Promise<RefreshCount> => {
    const begun = begunOf(activityInfo().heartbeatDetails)
    const published = { ...begun.published }
    const { count: pages, ids } = await readPages({
      limit: PAGE_SIZE,
      mostPages: MOST_PAGES,
      ...(begun.page === undefined ? {} : { from: begun.page }),
      read: async (cursor) => {
        const page = await deps.gamma.openMarkets({ limit: PAGE_SIZE, order: 'id', cursor }, cancellationSignal())
        return { items: page.markets, nextCursor: page.nextCursor }
      },
      take: async (objects, page) => {
        await takePage(deps, objects, published)
        heartbeat({ page, published })
        return 'more'
      },
    })
    // An attempt that continued another one did not see all of what is listed.
    const isWhole = begun.page === undefined && !pages.isCut
    const gone = isWhole ? await followGone(deps, ids) : { gone: 0, closed: 0, missed: 0, changed: 0 }
    const count = { ...pages, ...published, ...gone, changed: published.changed + gone.changed }
    tellCount(deps, count)
    return count
  },
})
