import { WorkflowNotFoundError, type Client } from '@temporalio/client'
import type { Redis } from 'ioredis'
import { desiredKey, FEED_GROUPS_KEY } from '../domain/keys.ts'
import type { Logger } from '../lib/log.ts'

type Deps = { client: Client; redis: Redis; shardCount: number; log: Logger }

const RUNNING = "ExecutionStatus = 'Running' AND "

/** `feed:<group>:<replica>` or `normalizer:<shard>`. */
const numberOf = (workflowId: string): number => Number(workflowId.split(':')[1])

/**
 * Ends the owners that nothing needs any more: feeds of groups that were given up, and shards beyond the present count. A
 * group must be empty at two looks in a row: a market may be on its way there.
 */
export const createRetirement = ({ client, redis, shardCount, log }: Deps): (() => Promise<void>) => {
  let idleBefore = new Set<string>()
  const running = async (type: string): Promise<string[]> => {
    const ids: string[] = []
    for await (const { workflowId } of client.workflow.list({ query: `${RUNNING}WorkflowType = '${type}'` })) {
      ids.push(workflowId)
    }
    return ids
  }
  const isEmpty = async (group: number, used: ReadonlySet<string>): Promise<boolean> =>
    !used.has(String(group)) && (await redis.hlen(desiredKey(group))) === 0
  const end = async (workflowId: string): Promise<void> => {
    try {
      await client.workflow.getHandle(workflowId).cancel()
      log.info({ workflowId }, 'ended an owner that nothing needs any more')
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error
    }
  }
  return async () => {
    const used = new Set(await redis.hvals(FEED_GROUPS_KEY))
    const idle = new Set<string>()
    for (const feed of await running('feed')) if (await isEmpty(numberOf(feed), used)) idle.add(feed)
    for (const feed of idle) if (idleBefore.has(feed)) await end(feed)
    idleBefore = idle
    const shards = await running('normalizer')
    for (const shard of shards) if (numberOf(shard) >= shardCount) await end(shard)
  }
}
