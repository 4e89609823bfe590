import { cancellationSignal, heartbeat } from '@temporalio/activity'
import type pg from 'pg'
import type { Market } from '../domain/market.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import type { GammaClient } from '../venue/polymarket/gamma.ts'
import { cardOf, type MarketCard } from './catalogue.ts'
import type { Enrolled, Enrolment } from './enrolment.ts'
import type { CataloguePublisher } from './publish-catalogue.ts'
import type { SubscriptionActivities } from './subscription.ts'

/** A running market workflow. `policy`: discovery started it and may end it. */
export type RunningMarket = { marketId: string; origin: 'operator' | 'policy' }

/** What discovery asks of Temporal; `workers` gives it. */
export type MarketRuns = {
  list(): Promise<RunningMarket[]>
  /** Markets whose workflow completed at some time: an operator stopped them, and may have started them anew, or they have resolved. */
  listStopped(): Promise<Set<string>>
  isRunning(marketId: string): Promise<boolean>
  /** Starts the market's workflow unless it runs or an operator stopped it. */
  start(card: MarketCard, enrolled: Enrolled | undefined): Promise<'started' | 'refused'>
  cancel(marketId: string): Promise<void>
}

export type PolicyDeps = {
  /** Ids or slugs; where there are any, just these are recorded. */
  markets: string[]
  /** Where no market is listed: so many by 24 h volume. */
  top: number
  gamma: GammaClient
  publisher: CataloguePublisher
  runs: MarketRuns
  enrolment: Enrolment
  subscriptions: SubscriptionActivities
  pool: pg.Pool
  log: Logger
  stats: Stats
}

export type PolicyCount = { wanted: number; started: number; ended: number; left: number }

/** A market that has slipped by less than a quarter of n stays: else those at the edge would flap every minute. */
const HYSTERESIS = 1.25
/** More would not be faster, and would keep everybody else's tasks waiting. */
const STARTS_AT_ONCE = 8
const PAGE_SIZE = 100

/** The n best-ranked, preferring those that run already while they are within n and a quarter. */
export const chooseTop = (ranked: Market[], running: ReadonlySet<string>, top: number): Market[] => {
  const staying = ranked.slice(0, Math.floor(top * HYSTERESIS)).filter((market) => running.has(market.marketId))
  const chosen = new Map(staying.slice(0, top).map((market) => [market.marketId, market]))
  for (const market of ranked) {
    if (chosen.size >= top) break
    chosen.set(market.marketId, market)
  }
  return [...chosen.values()]
}

/** Runs `work` over `items`, `width` at a time. */
const inParallel = async <T>(items: T[], width: number, work: (item: T) => Promise<void>): Promise<void> => {
  const queue = items.values()
  const lane = async (): Promise<void> => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane))
}

const overridden = async (pool: pg.Pool): Promise<Set<string>> => {
  const { rows } = await pool.query<{ market_id: string }>(
    `select market_id from markets where subscription_override is not null`,
  )
  return new Set(rows.map((row) => row.market_id))
}

const readRanked = async ({ gamma, publisher, top }: PolicyDeps): Promise<Market[]> => {
  const ranked: Market[] = []
  const enough = Math.ceil(top * HYSTERESIS)
  let cursor: string | undefined
  while (ranked.length < enough) {
    const page = await gamma.openMarkets({ limit: PAGE_SIZE, order: 'volume24hr', cursor }, cancellationSignal())
    const { markets } = await publisher.publish(page.markets)
    ranked.push(...markets.filter((market) => market.status === 'active'))
    heartbeat()
    if (page.nextCursor === undefined) break
    cursor = page.nextCursor
  }
  return ranked
}

/** An unknown one is said and skipped: the others are recorded all the same. */
const readListed = async ({ gamma, publisher, markets, log }: PolicyDeps): Promise<Market[]> => {
  const found: Market[] = []
  await inParallel(markets, STARTS_AT_ONCE, async (key) => {
    const object = await gamma.market(key, cancellationSignal())
    const { markets: published } = await publisher.publish(object === undefined ? [] : [object])
    const isKnown = published.length > 0
    if (!isKnown) log.warn({ market: key }, 'listed market is unknown to the venue or has no order book: skipped')
    found.push(...published)
    heartbeat()
  })
  return found
}

/**
 * Starts the workflows. First all their desires are written at once, so that books come while workflows still start; a
 * market that an operator may have stopped waits for its workflow.
 */
const startAll = async (deps: PolicyDeps, starts: Market[]): Promise<number> => {
  const { runs, enrolment } = deps
  if (starts.length === 0) return 0
  const stopped = await runs.listStopped()
  const cards = starts.map(cardOf)
  const enrolled = await enrolment.enrol(cards.filter(({ marketId }) => !stopped.has(marketId)))
  let started = 0
  await inParallel(cards, STARTS_AT_ONCE, async (card) => {
    const written = enrolled.get(card.marketId)
    const observed = written === undefined ? undefined : await enrolment.observe(card.marketId)
    const outcome = await runs.start(card, written === undefined ? undefined : { ...written, observed })
    if (outcome === 'started') started++
    heartbeat()
  })
  return started
}

/** Unsubscribes a market that no workflow looks after: its start was refused, or somebody terminated it. */
const withdraw = async ({ enrolment, subscriptions, log }: PolicyDeps, marketId: string): Promise<void> => {
  const found = await enrolment.desireOf(marketId)
  if (found === undefined) return
  const desired = { ...found, state: 'stopped' as const, generation: found.generation + 1 }
  const { state, generation } = desired
  log.warn({ marketId }, 'a market is subscribed that has no running workflow: unsubscribed')
  const { group } = await subscriptions.applySubscription(desired)
  await subscriptions.confirmSubscription({ marketId, group, generation, state })
  await subscriptions.forgetSubscription({ marketId, group, generation })
}

/** One that the feed does not confirm is found again by the next pass. */
const withdrawOrphans = async (deps: PolicyDeps): Promise<void> => {
  const running = new Set((await deps.runs.list()).map(({ marketId }) => marketId))
  const suspects = (await deps.enrolment.enrolledIds()).filter((marketId) => !running.has(marketId))
  await inParallel(suspects, STARTS_AT_ONCE, async (marketId) => {
    heartbeat()
    if (await deps.runs.isRunning(marketId)) return
    await withdraw(deps, marketId).catch((error: unknown) =>
      deps.log.warn({ marketId, reason: String(error) }, 'could not unsubscribe it yet'),
    )
  })
}

export type PolicyActivities = ReturnType<typeof createPolicyActivities>

export const createPolicyActivities = (deps: PolicyDeps) => ({
  /**
   * Starts the workflows of the wanted markets and cancels those of markets that discovery had started and that are
   * wanted no more. What an operator started, paused or stopped by hand is left alone, and so is what the venue has
   * `closed`: it ends with its resolution.
   */
  followPolicy: async ({ closed }: { closed: string[] }): Promise<PolicyCount> => {
    const running = await deps.runs.list()
    const runningIds = new Set(running.map((market) => market.marketId))
    const listed = await readListed(deps)
    const top = deps.top === 0 || deps.markets.length > 0 ? [] : chooseTop(await readRanked(deps), runningIds, deps.top)
    const open = [...listed, ...top].filter(({ status }) => status !== 'resolved')
    const wanted = new Map(open.map((market) => [market.marketId, market]))
    const ending = new Set(closed)
    const byHand = await overridden(deps.pool)

    const starts = [...wanted.values()].filter(({ marketId }) => !runningIds.has(marketId) && !byHand.has(marketId))
    const started = await startAll(deps, starts)
    const ends = running.filter(
      ({ marketId, origin }) =>
        origin === 'policy' && !wanted.has(marketId) && !byHand.has(marketId) && !ending.has(marketId),
    )
    await inParallel(ends, STARTS_AT_ONCE, ({ marketId }) => deps.runs.cancel(marketId))
    await withdrawOrphans(deps)

    deps.stats.set('marketsWanted', running.length - ends.length + started)
    const count = { wanted: wanted.size, started, ended: ends.length, left: byHand.size }
    if (started + ends.length > 0) deps.log.info(count, 'followed the subscription policy')
    return count
  },
})
