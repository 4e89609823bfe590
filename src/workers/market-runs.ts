import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client'
import type { MarketCard } from '../activities/catalogue.ts'
import type { MarketRuns, RunningMarket } from '../activities/policy.ts'

const RUNNING = `WorkflowType = 'marketSubscription' AND ExecutionStatus = 'Running'`
/** The UI shows this much of a summary. */
const SUMMARY_BYTES = 200

const summaryOf = (card: MarketCard): string =>
  Buffer.from(card.question)
    .subarray(0, SUMMARY_BYTES - 3)
    .toString()

/** The workflows of markets, as discovery sees them. */
export const createMarketRuns = (client: Client): MarketRuns => ({
  list: async () => {
    const running: RunningMarket[] = []
    for await (const { workflowId, memo } of client.workflow.list({ query: RUNNING })) {
      const origin = memo?.['origin'] === 'policy' ? 'policy' : 'operator'
      running.push({ marketId: workflowId.slice('market:'.length), origin })
    }
    return running
  },
  start: async (card) => {
    try {
      await client.workflow.start('marketSubscription', {
        taskQueue: 'control',
        workflowId: `market:${card.marketId}`,
        args: [{ marketId: card.marketId, origin: 'policy', market: card }],
        // A completed one was stopped by an operator; a cancelled one by discovery, which may come back.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
        workflowIdConflictPolicy: 'USE_EXISTING',
        memo: { origin: 'policy' },
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
