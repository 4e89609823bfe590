import type { Client } from '@temporalio/client'

/** Starts the workflows that own long-lived activities; what runs stays as it is. */
export type Owners = {
  ensureFeed(group: number): Promise<void>
  ensureNormalizers(): Promise<void>
}

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
    ensureFeed: async (group) => {
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
    ensureNormalizers: async () => {
      for (let shard = 0; shard < shardCount; shard++) {
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
