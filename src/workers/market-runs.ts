import type { SearchAttributePair } from '@temporalio/common'
import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client'
import type { MarketCard } from '../activities/catalogue.ts'
import type { Enrolled } from '../activities/enrolment.ts'
import type { MarketRuns, RunningMarket } from '../activities/policy-starts.ts'
import { FEED_GROUP, MARKET_SLUG, MARKET_STATE } from '../workflows/attributes.ts'

const query = (status: string): string => `WorkflowType = 'marketSubscription' AND ExecutionStatus = '${status}'`
const marketOf = (workflowId: string): string => workflowId.slice('market:'.length)
/** The UI shows this much of a summary. */
const SUMMARY_BYTES = 200

const summaryOf = (card: MarketCard): string =>
  Buffer.from(card.question)
    .subarray(0, SUMMARY_BYTES - 3)
    .toString()

/** Given at the start, they cost the workflow no command of its own. */
const shownOf = (card: MarketCard, enrolled: Enrolled | undefined): SearchAttributePair[] => [
  { key: MARKET_STATE, value: enrolled?.observed?.state === 'live' ? 'live' : 'starting' },
  { key: MARKET_SLUG, value: card.slug },
  ...(enrolled === undefined ? [] : [{ key: FEED_GROUP, value: String(enrolled.group) }]),
]

/** The workflows of markets, as discovery sees them. `depth`: levels a side that those which it starts keep. */
export const createMarketRuns = (client: Client, depth: number): MarketRuns => ({
  list: async () => {
    const running: RunningMarket[] = []
    for await (const { workflowId, memo, typedSearchAttributes } of client.workflow.list({ query: query('Running') })) {
      const origin = memo?.['origin'] === 'policy' ? 'policy' : 'operator'
      const isPaused = typedSearchAttributes.get(MARKET_STATE) === 'paused'
      running.push({ marketId: marketOf(workflowId), origin, isPaused })
    }
    return running
  },
  listStopped: async () => {
    const stopped = new Set<string>()
    for await (const { workflowId } of client.workflow.list({ query: query('Completed') })) {
      stopped.add(marketOf(workflowId))
    }
    return stopped
  },
  isRunning: async (marketId) => {
    try {
      return (await client.workflow.getHandle(`market:${marketId}`).describe()).status.name === 'RUNNING'
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false
      throw error
    }
  },
  start: async (card, enrolled) => {
    try {
      await client.workflow.start('marketSubscription', {
        taskQueue: 'control',
        workflowId: `market:${card.marketId}`,
        args: [{ marketId: card.marketId, depth, origin: 'policy', market: card, enrolled }],
        // A completed one was stopped by an operator or has resolved; a cancelled one was ended by discovery, which may come back.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        workflowIdConflictPolicy: 'USE_EXISTING',
        typedSearchAttributes: shownOf(card, enrolled),
        memo: { origin: 'policy' },
        // Its first task comes with the answer, as the worker is in this process: a write and a way through the server less.
        requestEagerStart: true,
        staticSummary: summaryOf(card),
      })
      return 'started'
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return 'refused'
      throw error
    }
  },
  cancel: (marketId) => ifThere(client.workflow.getHandle(`market:${marketId}`).cancel()),
})

/** Signals every running market, or one; those that are gone are skipped. Returns how many were reached. */
export const signalMarket = async (
  client: Client,
  marketId: string,
  signal: string,
  args: unknown[],
): Promise<boolean> => {
  const handle: WorkflowHandle = client.workflow.getHandle(`market:${marketId}`)
  try {
    await handle.signal(signal, ...args)
    return true
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false
    throw error
  }
}

const ifThere = async (asked: Promise<unknown>): Promise<void> => {
  try {
    await asked
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error
  }
}
