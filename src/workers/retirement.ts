import { WorkflowNotFoundError, type Client } from '@temporalio/client'
import type { Redis } from 'ioredis'
import { desiredKey, FEED_GROUPS_KEY } from '../domain/keys.ts'
import type { Logger } from '../lib/log.ts'

/** Of the owners that run. */
type Retire = (running: ReadonlySet<string>) => Promise<void>
type Deps = { client: Client; redis: Redis; shardCount: number; log: Logger }

/** `feed:<group>:<replica>` or `normalizer:<shard>`. */
const numberOf = (workflowId: string): number => Number(workflowId.split(':')[1])

/**
 * Ends the owners that nothing needs any more: feeds of groups that were given up, and shards beyond the present count. A
 * group must be empty at two looks in a row: a market may be on its way there.
 */
export const createRetirement = ({ client, redis, shardCount, log }: Deps): Retire => {
  let idleBefore = new Set<string>()
  const isEmpty = async (group: number): Promise<boolean> => {
    const [used, wanted] = await Promise.all([redis.hvals(FEED_GROUPS_KEY), redis.hlen(desiredKey(group))])
    return wanted === 0 && !used.includes(String(group))
  }
  const end = async (workflowId: string): Promise<void> => {
    try {
      await client.workflow.getHandle(workflowId).cancel()
      log.info({ workflowId }, 'ended an owner that nothing needs any more')
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error
    }
  }
  return async (running) => {
    const used = new Set(await redis.hvals(FEED_GROUPS_KEY))
    const idle = new Set<string>()
    for (const id of running) {
      if (id === 'trades:0') continue
      const isShard = id.startsWith('normalizer:')
      if (isShard && numberOf(id) >= shardCount) await end(id)
      // Asked again right before its end: a market may have come meanwhile.
      if (isShard || used.has(String(numberOf(id))) || !(await isEmpty(numberOf(id)))) continue
      idle.add(id)
      if (idleBefore.has(id)) await end(id)
    }
    idleBefore = idle
  }
}
