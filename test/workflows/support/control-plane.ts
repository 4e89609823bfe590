import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, WorkflowHandle } from '@temporalio/client'
import { Worker } from '@temporalio/worker'
import type { MarketStatus } from '../../../src/workflows/market-contract.ts'
import { MARKET_STATE } from '../../../src/workflows/attributes.ts'
import { createStubs, type Stubs } from './stub-activities.ts'
import { bundleWorkflows, openTemporal } from './temporal.ts'

export type ControlPlane = AsyncDisposable & {
  client: Client
  stubs: Stubs
  address: string
  /** Starts a market as an operator would. */
  startMarket(marketId: string, more?: object): Promise<WorkflowHandle>
  status(handle: WorkflowHandle): Promise<MarketStatus>
  stateOf(handle: WorkflowHandle): Promise<string | undefined>
}

/** Polls until `check` answers something; fails with what it last saw. */
export const until = async <T>(check: () => Promise<T | undefined | false>, timeoutMs = 60_000): Promise<T> => {
  const deadlineMs = Date.now() + timeoutMs
  for (;;) {
    const found = await check().catch((error: unknown) => {
      if (Date.now() > deadlineMs) throw error
      return undefined
    })
    if (found !== undefined && found !== false) return found
    if (Date.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms for: ${check.toString()}`)
    await sleep(25)
  }
}

/** Nothing is under way, and nothing that the server has is still to be told to the workflow. */
export const untilIdle = (handle: WorkflowHandle): Promise<true> =>
  until(async () => {
    const { pendingActivities, pendingWorkflowTask } = (await handle.describe()).raw
    return (pendingActivities ?? []).length === 0 && !pendingWorkflowTask
  })

/** Real server, real workflows, stubbed activities but for those given: all queues are served by this process. */
export const openControlPlane = async (real: (client: Client) => object = () => ({})): Promise<ControlPlane> => {
  const [environment, workflowBundle] = await Promise.all([openTemporal(), bundleWorkflows()])
  const stubs = createStubs()
  const { nativeConnection: connection, client } = environment
  const activities = { ...stubs.activities, ...real(client) }
  const workers = await Promise.all([
    Worker.create({
      connection,
      taskQueue: 'control',
      workflowBundle,
      activities,
      maxHeartbeatThrottleInterval: '100ms',
    }),
    ...['feed-a', 'feed-b', 'normalizer', 'archive'].map((taskQueue) =>
      Worker.create({ connection, taskQueue, activities, maxHeartbeatThrottleInterval: '100ms' }),
    ),
  ])
  const running = workers.map((worker) => worker.run())
  return {
    client,
    stubs,
    address: environment.address,
    startMarket: (marketId, more = {}) =>
      client.workflow.start('marketSubscription', {
        taskQueue: 'control',
        workflowId: `market:${marketId}`,
        args: [{ marketId, ...more }],
      }),
    status: (handle) => handle.query<MarketStatus>('status'),
    stateOf: async (handle) => (await handle.describe()).typedSearchAttributes.get(MARKET_STATE),
    [Symbol.asyncDispose]: async () => {
      for (const worker of workers) worker.shutdown()
      await Promise.all(running)
      await environment.teardown()
    },
  }
}
