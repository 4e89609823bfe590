import type { Client } from '@temporalio/client'

/** Starts the workflows that own long-lived activities; what runs stays as it is. */
export type Owners = {
  /** Ids of those that run, by what Temporal lists: a start or an end may show a moment later. */
  running(): Promise<Set<string>>
  /** With `running`, a feed that is listed there is not asked about. */
  ensureFeed(group: number, running?: ReadonlySet<string>): Promise<void>
  ensureNormalizers(running: ReadonlySet<string>): Promise<void>
  ensureTrades(running: ReadonlySet<string>): Promise<void>
}

const RUNNING = "ExecutionStatus = 'Running' AND WorkflowType IN ('feed', 'normalizer', 'trades')"

/** A market is applied in a few ms: of thousands that start at once, one asks. */
const FRESH_MS = 5_000

type Wanted = { workflowType: string; workflowId: string; input: object; summary: string }

export const createOwners = (client: Client, shardCount: number): Owners => {
  const ensuredTimesMs = new Map<number, number>()
  const ensure = async ({ workflowType, workflowId, input, summary }: Wanted): Promise<void> => {
    await client.workflow.start(workflowType, {
      taskQueue: 'control',
      workflowId,
      args: [input],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: summary,
    })
  }
  return {
    running: async () => {
      const ids = new Set<string>()
      for await (const { workflowId } of client.workflow.list({ query: RUNNING })) ids.add(workflowId)
      return ids
    },
    ensureFeed: async (group, running) => {
      if (running?.has(`feed:${group}:a`) === true) return
      const ensuredTimeMs = ensuredTimesMs.get(group) ?? 0
      if (Date.now() - ensuredTimeMs < FRESH_MS) return
      await ensure({
        workflowType: 'feed',
        workflowId: `feed:${group}:a`,
        input: { group, replica: 'a' },
        summary: `Sockets of feed group ${group}, replica a`,
      })
      ensuredTimesMs.set(group, Date.now())
    },
    ensureTrades: async (running) => {
      if (running.has('trades:0')) return
      const summary = 'Poller of the Data API'
      await ensure({ workflowType: 'trades', workflowId: 'trades:0', input: {}, summary })
    },
    ensureNormalizers: async (running) => {
      for (let shard = 0; shard < shardCount; shard++) {
        if (running.has(`normalizer:${shard}`)) continue
        await ensure({
          workflowType: 'normalizer',
          workflowId: `normalizer:${shard}`,
          input: { shard },
          summary: `Normalizer shard ${shard}`,
        })
      }
    },
  }
}
