import type { Market } from '../domain/market.ts'
import { chooseMarkets, type Policy } from '../domain/policy.ts'
import { readOverridden } from '../store/markets.ts'
import { inParallel } from './in-parallel.ts'
import { publishById } from './publish-by-id.ts'
import { createFollowChanges, createFresh, type Fresh, type PolicyDeps } from './policy-changes.ts'
import { compareEnrolment, startAll, STARTS_AT_ONCE, type RunningMarket } from './policy-starts.ts'

/** `left` alone: what operators did by hand. `kept`: wanted no more, but closed, or missing from a list that was cut. */
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

const NOTHING_DONE = { wanted: 0, started: 0, ended: 0, left: 0, kept: 0, unmatched: [], isCut: false }
/** Of names that match nothing: the log has all of them. */
const MOST_SHOWN = 20

/**
 * Of markets that are wanted no more, those that are open. One that closed is left to its own workflow, which goes on
 * until it is resolved; what the venue says of it is published.
 */
const readOpen = async (deps: PolicyDeps, marketIds: string[]): Promise<string[]> => {
  const found: string[] = []
  for await (const { ids, closed, open } of publishById(deps, marketIds)) {
    const isClosed = new Set(closed.markets.map(({ marketId }) => marketId))
    const isOpen = new Set(open.markets.map(({ marketId }) => marketId))
    found.push(...ids.filter((marketId) => isOpen.has(marketId) && !isClosed.has(marketId)))
  }
  return found
}

type Round = { policy: Policy; running: RunningMarket[]; fresh: Fresh }

/** Cancels what discovery had started and wants no more, unless a listing was cut short. */
const endUnwanted = async (
  deps: PolicyDeps,
  { running, fresh }: Round,
  wanted: { markets: ReadonlyMap<string, Market>; isCut: boolean },
): Promise<{ ended: number; kept: number }> => {
  // Once more: an operator may have taken one in hand while the venue's lists were read.
  const byHand = await readOverridden(deps.pool)
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
  const { policy, running } = round
  const runningIds = new Set(running.map((market) => market.marketId))
  const { candidates, unmatched, isCut } = await deps.readCandidates(policy)
  const byHand = await readOverridden(deps.pool)
  const markets = chooseMarkets(policy, candidates, runningIds)
  const starts = [...markets.values()].filter(({ marketId }) => !runningIds.has(marketId) && !byHand.has(marketId))
  const started = await startAll(deps, starts)
  const { ended, kept } = await endUnwanted(deps, round, { markets, isCut })
  await compareEnrolment(deps)
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
      const count = { ...(await carryOut(deps, { policy, running, fresh })), problem }
      if (count.isCut) deps.stats.count('policyPassesCut')
      if (count.started + count.ended > 0) deps.log.info(count, 'followed the subscription policy')
      return count
    },

    followChanges: createFollowChanges(deps, fresh),
  }
}
