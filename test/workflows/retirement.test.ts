import { expect, test } from 'vitest'
import { desiredKey, FEED_GROUPS_KEY } from '../../src/domain/keys.ts'
import { createLog } from '../../src/lib/log.ts'
import { createRetirement } from '../../src/workers/retirement.ts'
import { openRedis } from '../support/services.ts'
import { openControlPlane, until } from './support/control-plane.ts'

test('owners that nothing needs any more are ended: shards beyond the count at once, feeds that stayed without a market', async () => {
  await using plane = await openControlPlane()
  await using server = await openRedis()
  const { client } = plane
  const redis = server.connect()
  const owners: [type: string, workflowId: string, input: object][] = [
    ['normalizer', 'normalizer:0', { shard: 0 }],
    ['normalizer', 'normalizer:1', { shard: 1 }],
    ['trades', 'trades:0', {}],
    ['feed', 'feed:3:a', { group: 3, replica: 'a' }],
    ['feed', 'feed:4:a', { group: 4, replica: 'a' }],
    ['feed', 'feed:5:a', { group: 5, replica: 'a' }],
  ]
  for (const [type, workflowId, input] of owners) {
    await client.workflow.start(type, { taskQueue: 'control', workflowId, args: [input] })
  }
  const running = async (): Promise<string[]> => {
    const ids: string[] = []
    for await (const { workflowId } of client.workflow.list({ query: "ExecutionStatus = 'Running'" }))
      ids.push(workflowId)
    return ids.toSorted()
  }
  await until(async () => (await running()).length === owners.length)
  await redis.hset(FEED_GROUPS_KEY, 'a', '3')
  // A market is on its way to group 4.
  await redis.hset(desiredKey(4), 'b', '{}')

  const retire = createRetirement({ client, redis, shardCount: 1, log: createLog('control', 'silent') })
  await retire(new Set(await running()))
  await until(async () => (await running()).join() === 'feed:3:a,feed:4:a,feed:5:a,normalizer:0,trades:0')
  await retire(new Set(await running()))
  await until(async () => (await running()).join() === 'feed:3:a,feed:4:a,normalizer:0,trades:0')
  await retire(new Set(await running()))
  expect(await running()).toEqual(['feed:3:a', 'feed:4:a', 'normalizer:0', 'trades:0'])
  expect((await client.workflow.getHandle('feed:5:a').describe()).status.name).toBe('CANCELLED')
  redis.disconnect()
})
