import { cancellationSignal, heartbeat } from '@temporalio/activity'
import type pg from 'pg'
import type { Market } from '../domain/market.ts'
import { isWantedByName, namesGroups, type Belongings, type Policy } from '../domain/policy.ts'
import type { Stats } from '../lib/stats.ts'
import { readAnnounced } from '../store/market-changes.ts'
import { readOverridden } from '../store/markets.ts'
import { eventsOf, type GammaClient } from '../venue/polymarket/gamma-reads.ts'
import { inParallel } from './in-parallel.ts'
import type { ReadCandidates } from './policy-candidates.ts'
import { startAll, STARTS_AT_ONCE, type StartDeps } from './policy-starts.ts'
import type { CataloguePublisher } from './publish-catalogue.ts'

/** What discovery needs. */
export type PolicyDeps = StartDeps & {
  /** The policy as it is now; undefined where none was ever valid, and what does not fit in it. */
  readPolicy: () => Promise<{ policy: Policy | undefined; problem: string | undefined }>
  readCandidates: ReadCandidates
  gamma: GammaClient
  publisher: CataloguePublisher
  pool: pg.Pool
  stats: Stats
}

/** `unknown`: the venue's catalogue does not show them, or not yet. */
export type ChangeCount = { refreshed: number; wanted: number; started: number; unknown: string[] }

/** The venue's lists may show a new market later than its own page: so long none is ended that a change had started. */
const FRESH_MS = 180_000
const MOST_FRESH = 10_000

/** Markets that a change had started, and until when they are not ended by a listing. */
export const createFresh = () => {
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
export type Fresh = ReturnType<typeof createFresh>

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

/** Starts what a change has brought, as far as the policy's maximum leaves room. */
const startWanted = async (
  deps: PolicyDeps,
  policy: Policy,
  { wanted, fresh }: { wanted: Market[]; fresh: Fresh },
): Promise<number> => {
  if (wanted.length === 0) return 0
  const [running, byHand] = await Promise.all([deps.runs.list(), readOverridden(deps.pool)])
  const runningIds = new Set(running.map(({ marketId }) => marketId))
  const room = Math.max(0, policy.max - running.filter(({ origin }) => origin === 'policy').length)
  const starts = wanted.filter(({ marketId }) => !runningIds.has(marketId) && !byHand.has(marketId)).slice(0, room)
  for (const { marketId } of starts) fresh.add(marketId)
  return startAll(deps, starts)
}

/** Reads markets of which something was heard, and starts those that the policy names; it ends none. */
export const createFollowChanges =
  (deps: PolicyDeps, fresh: Fresh) =>
  async ({ markets: marketIds }: { markets: string[] }): Promise<ChangeCount> => {
    const { changed, unknown } = await readChanged(deps, marketIds)
    const { policy } = await deps.readPolicy()
    const wanted = policy === undefined ? [] : await wantedAmong(deps, policy, changed)
    const started = policy === undefined ? 0 : await startWanted(deps, policy, { wanted, fresh })
    const count = { refreshed: changed.length, wanted: wanted.length, started, unknown }
    if (started > 0) deps.log.info(count, 'followed changes of the catalogue')
    return count
  }
