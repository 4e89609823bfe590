import { cancellationSignal, heartbeat } from '@temporalio/activity'
import type pg from 'pg'
import type { Market } from '../domain/market.ts'
import { chooseMarkets, isWantedByName, namesGroups, type Belongings, type Policy } from '../domain/policy.ts'
import type { Stats } from '../lib/stats.ts'
import { readAnnounced } from '../store/market-changes.ts'
import { readOverridden } from '../store/markets.ts'
import { eventsOf, type GammaClient } from '../venue/polymarket/gamma-reads.ts'
import { inParallel } from './in-parallel.ts'
import type { ReadCandidates } from './policy-candidates.ts'
import { startAll, STARTS_AT_ONCE, withdrawOrphans, type RunningMarket, type StartDeps } from './policy-starts.ts'
import type { CataloguePublisher } from './publish-catalogue.ts'

export type PolicyDeps = StartDeps & {
  /** The policy as it is now; undefined where none was ever valid, and what does not fit in it. */
  readPolicy: () => Promise<{ policy: Policy | undefined; problem: string | undefined }>
  readCandidates: ReadCandidates
  gamma: GammaClient
  publisher: CataloguePublisher
  pool: pg.Pool
  stats: Stats
}

/** `left` alone: what operators did by hand. `kept`: wanted no more, but perhaps only because a listing was cut short. */
export type PolicyCount = {
  wanted: number
  started: number
  ended: number
  left: number
  kept: number
  unmatched: string[]
  isCut: boolean
  problem: string | undefined
}
/** `unknown`: the venue's catalogue does not show them, or not yet. */
export type ChangeCount = { refreshed: number; wanted: number; started: number; unknown: string[] }

const NOTHING_DONE = { wanted: 0, started: 0, ended: 0, left: 0, kept: 0, unmatched: [], isCut: false }
const IDS_A_CALL = 100
/** Of names that match nothing: the log has all of them. */
const MOST_SHOWN = 20
/** The venue's lists may show a new market later than its own page: so long none is ended that a change had started. */
const FRESH_MS = 180_000
const MOST_FRESH = 10_000

/**
 * Of markets that are wanted no more, those that are open. One that closed is left to its own workflow, which goes on
 * until it is resolved; what the venue says of it is published.
 */
const readOpen = async ({ gamma, publisher }: PolicyDeps, marketIds: string[]): Promise<string[]> => {
  const open: string[] = []
  for (let at = 0; at < marketIds.length; at += IDS_A_CALL) {
    const ids = marketIds.slice(at, at + IDS_A_CALL)
    const closed = await publisher.publish(await gamma.marketsById(ids, true, cancellationSignal()))
    const others = await publisher.publish(await gamma.marketsById(ids, false, cancellationSignal()))
    heartbeat()
    const isClosed = new Set(closed.markets.map(({ marketId }) => marketId))
    const isOpen = new Set(others.markets.map(({ marketId }) => marketId))
    open.push(...ids.filter((marketId) => isOpen.has(marketId) && !isClosed.has(marketId)))
  }
  return open
}

type Changed = { object: unknown; market: Market }

/** Events, tags and series of one market: from its event, and from what was announced of it where Gamma is behind. */
const belongingsOf = async (
  { gamma, pool }: PolicyDeps,
  { object, market: { marketId } }: Changed,
): Promise<Belongings> => {
  const announced = (await readAnnounced(pool, [marketId])).get(marketId)
  const events = [
    ...new Set([...eventsOf(object), ...(announced?.eventSlug === undefined ? [] : [announced.eventSlug])]),
  ]
  const read = await Promise.all(events.map((slug) => gamma.event(slug, cancellationSignal())))
  const tags = [...(announced?.tags ?? []), ...read.flatMap((event) => event?.tags ?? [])]
  return { events, tags, series: read.flatMap((event) => event?.series ?? []) }
}

const NOWHERE: Belongings = { events: [], series: [], tags: [] }

const wantedAmong = async (deps: PolicyDeps, policy: Policy, changed: Changed[]): Promise<Market[]> => {
  const wanted: Market[] = []
  await inParallel(changed, STARTS_AT_ONCE, async (one) => {
    const belongings = namesGroups(policy) ? await belongingsOf(deps, one) : NOWHERE
    if (isWantedByName(policy, one.market, belongings)) wanted.push(one.market)
  })
  return wanted
}

/** Reads and publishes markets that something was heard of. */
const readChanged = async ({ gamma, publisher }: PolicyDeps, marketIds: string[]) => {
  const changed: Changed[] = []
  const unknown: string[] = []
  await inParallel(marketIds, STARTS_AT_ONCE, async (marketId) => {
    const object = await gamma.market(marketId, cancellationSignal())
    if (object === undefined) unknown.push(marketId)
    const { markets } = await publisher.publish(object === undefined ? [] : [object])
    for (const market of markets) changed.push({ object, market })
    heartbeat()
  })
  return { changed, unknown }
}

/** Markets that a change had started, and until when they are not ended by a listing. */
const createFresh = () => {
  const untilTimesMs = new Map<string, number>()
  return {
    add: (marketId: string): void => {
      const [oldest] = untilTimesMs.keys()
      if (untilTimesMs.size >= MOST_FRESH && oldest !== undefined) untilTimesMs.delete(oldest)
      untilTimesMs.set(marketId, Date.now() + FRESH_MS)
    },
    has: (marketId: string): boolean => (untilTimesMs.get(marketId) ?? 0) > Date.now(),
  }
}
type Fresh = ReturnType<typeof createFresh>

type Round = { policy: Policy; running: RunningMarket[]; byHand: ReadonlySet<string>; fresh: Fresh }

/** Cancels what discovery had started and wants no more, unless a listing was cut short. */
const endUnwanted = async (
  deps: PolicyDeps,
  { running, byHand, fresh }: Round,
  wanted: { markets: ReadonlyMap<string, Market>; isCut: boolean },
): Promise<{ ended: number; kept: number }> => {
  const unwanted = running
    .filter(({ origin, isPaused }) => origin === 'policy' && !isPaused)
    .map(({ marketId }) => marketId)
    .filter((marketId) => !wanted.markets.has(marketId) && !byHand.has(marketId) && !fresh.has(marketId))
  if (wanted.isCut) return { ended: 0, kept: unwanted.length }
  const ends = await readOpen(deps, unwanted)
  await inParallel(ends, STARTS_AT_ONCE, (marketId) => deps.runs.cancel(marketId))
  return { ended: ends.length, kept: unwanted.length - ends.length }
}

const carryOut = async (deps: PolicyDeps, round: Round): Promise<Omit<PolicyCount, 'problem'>> => {
  const { policy, running, byHand } = round
  const runningIds = new Set(running.map((market) => market.marketId))
  const { candidates, unmatched, isCut } = await deps.readCandidates(policy)
  const markets = chooseMarkets(policy, candidates, runningIds)
  const starts = [...markets.values()].filter(({ marketId }) => !runningIds.has(marketId) && !byHand.has(marketId))
  const started = await startAll(deps, starts)
  const { ended, kept } = await endUnwanted(deps, round, { markets, isCut })
  await withdrawOrphans(deps)
  deps.stats.set('marketsWanted', running.length - ended + started)
  return {
    wanted: markets.size,
    started,
    ended,
    kept,
    left: byHand.size,
    unmatched: unmatched.slice(0, MOST_SHOWN),
    isCut,
  }
}

/** Starts what a change has brought, as far as the policy's maximum leaves room. */
const startWanted = async (
  deps: PolicyDeps,
  policy: Policy,
  { wanted, fresh }: { wanted: Market[]; fresh: Fresh },
): Promise<number> => {
  if (wanted.length === 0) return 0
  const running = await deps.runs.list()
  const runningIds = new Set(running.map(({ marketId }) => marketId))
  const byHand = await readOverridden(deps.pool)
  const room = Math.max(0, policy.max - running.filter(({ origin }) => origin === 'policy').length)
  const starts = wanted.filter(({ marketId }) => !runningIds.has(marketId) && !byHand.has(marketId)).slice(0, room)
  for (const { marketId } of starts) fresh.add(marketId)
  return startAll(deps, starts)
}

export type PolicyActivities = ReturnType<typeof createPolicyActivities>

export const createPolicyActivities = (deps: PolicyDeps) => {
  const fresh = createFresh()
  return {
    /**
     * Starts the workflows of the wanted markets and cancels those of markets that discovery had started and that are
     * wanted no more. What an operator started, paused or stopped by hand is left alone.
     */
    followPolicy: async (): Promise<PolicyCount> => {
      const { policy, problem } = await deps.readPolicy()
      if (policy === undefined) return { ...NOTHING_DONE, problem }
      const running = await deps.runs.list()
      const byHand = await readOverridden(deps.pool)
      const count = { ...(await carryOut(deps, { policy, running, byHand, fresh })), problem }
      if (count.isCut) deps.stats.count('policyPassesCut')
      if (count.started + count.ended > 0) deps.log.info(count, 'followed the subscription policy')
      return count
    },

    /** Reads markets of which something was heard, and starts those that the policy names; it ends none. */
    followChanges: async ({ markets: marketIds }: { markets: string[] }): Promise<ChangeCount> => {
      const { changed, unknown } = await readChanged(deps, marketIds)
      const { policy } = await deps.readPolicy()
      const wanted = policy === undefined ? [] : await wantedAmong(deps, policy, changed)
      const started = policy === undefined ? 0 : await startWanted(deps, policy, { wanted, fresh })
      const count = { refreshed: changed.length, wanted: wanted.length, started, unknown }
      if (started > 0) deps.log.info(count, 'followed changes of the catalogue')
      return count
    },
  }
}
