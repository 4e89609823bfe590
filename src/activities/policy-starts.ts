import { heartbeat } from '@temporalio/activity'
import type { Market } from '../domain/market.ts'
import type { Logger } from '../lib/log.ts'
import { cardOf, type MarketCard } from './catalogue.ts'
import type { Enrolled, Enrolment } from './enrolment.ts'
import { inParallel } from './in-parallel.ts'
import type { SubscriptionActivities } from './subscription.ts'

/**
 * A running market workflow. `policy`: discovery started it and may end it, unless `isPaused`: an operator has taken it
 * in hand, though Postgres may not say so yet.
 */
export type RunningMarket = { marketId: string; origin: 'operator' | 'policy'; isPaused: boolean }

/** What discovery asks of Temporal; `workers` gives it. */
export type MarketRuns = {
  list(): Promise<RunningMarket[]>
  /** Markets whose workflow completed at some time: an operator stopped them, and may have started them anew. */
  listStopped(): Promise<Set<string>>
  isRunning(marketId: string): Promise<boolean>
  /** Starts the market's workflow unless it runs or an operator stopped it. */
  start(card: MarketCard, enrolled: Enrolled | undefined): Promise<'started' | 'refused'>
  cancel(marketId: string): Promise<void>
}

export type StartDeps = { runs: MarketRuns; enrolment: Enrolment; subscriptions: SubscriptionActivities; log: Logger }

/** More would not be faster, and would keep everybody else's tasks waiting. */
export const STARTS_AT_ONCE = 8
/**
 * Between its enrolment and its start a market has no workflow; a desire is written with a generation 10 s in the past. One
 * that is withdrawn all the same is started without it.
 */
const YOUNG_MS = 25_000

/**
 * Starts the workflows. First all their desires are written at once, so that books come while workflows still start; a
 * market that an operator may have stopped waits for its workflow.
 */
export const startAll = async ({ runs, enrolment }: StartDeps, starts: Market[]): Promise<number> => {
  if (starts.length === 0) return 0
  const stopped = await runs.listStopped()
  heartbeat()
  const cards = new Map(starts.map((market) => [market.marketId, cardOf(market)]))
  const enrolled = await enrolment.enrol([...cards.values()].filter(({ marketId }) => !stopped.has(marketId)))
  const left = [...cards.keys()].filter((marketId) => !enrolled.has(marketId))
  let started = 0
  const start = async (marketId: string): Promise<void> => {
    const card = cards.get(marketId)
    if (card !== undefined && (await startOne({ runs, enrolment }, card, enrolled.get(marketId)))) started++
    heartbeat()
  }
  for await (const marketIds of enrolment.asBooksCome([...enrolled.keys()])) {
    await inParallel(marketIds, STARTS_AT_ONCE, start)
  }
  await inParallel(left, STARTS_AT_ONCE, start)
  return started
}

type Starting = Pick<StartDeps, 'runs' | 'enrolment'>

const startOne = async (
  { runs, enrolment }: Starting,
  card: MarketCard,
  enrolled: Enrolled | undefined,
): Promise<boolean> => {
  const { marketId } = card
  const given = enrolled === undefined ? undefined : await enrolment.standing(marketId, enrolled)
  const outcome = await runs.start(card, given)
  await enrolment.noteStart(marketId, outcome === 'started' ? given?.observed : undefined)
  return outcome === 'started'
}

/** Unsubscribes a market that no workflow looks after: its start was refused, or somebody terminated it. */
const withdraw = async ({ enrolment, subscriptions, log }: StartDeps, marketId: string): Promise<void> => {
  const found = await enrolment.desireOf(marketId)
  if (found === undefined || Date.now() - found.generation < YOUNG_MS) return
  const desired = { ...found, state: 'stopped' as const, generation: found.generation + 1 }
  const { state, generation } = desired
  log.warn({ marketId }, 'a market is subscribed that has no running workflow: unsubscribed')
  const { group } = await subscriptions.applySubscription(desired)
  await subscriptions.confirmSubscription({ marketId, group, generation, state })
  await subscriptions.forgetSubscription({ marketId, group, generation })
}

/**
 * Compares what is enrolled with what has a workflow, both ways: Redis may have lost what it was told last. A market that the
 * feed does not confirm, or that was enrolled just now, is found again by the next pass.
 */
export const compareEnrolment = async (deps: StartDeps): Promise<void> => {
  const running = new Set((await deps.runs.list()).map(({ marketId }) => marketId))
  const enrolled = new Set(await deps.enrolment.enrolledIds())
  await deps.enrolment.reassert([...running].filter((marketId) => !enrolled.has(marketId)))
  const suspects = [...enrolled].filter((marketId) => !running.has(marketId))
  await inParallel(suspects, STARTS_AT_ONCE, async (marketId) => {
    heartbeat()
    if (await deps.runs.isRunning(marketId)) return
    await withdraw(deps, marketId).catch((error: unknown) =>
      deps.log.warn({ marketId, reason: String(error) }, 'could not unsubscribe it yet'),
    )
  })
}
