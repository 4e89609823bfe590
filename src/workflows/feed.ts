import { continueAsNew, defineQuery, proxyActivities, setCurrentDetails, setHandler } from '@temporalio/workflow'
import { z } from './zod.ts'
import { longLived } from './activity-options.ts'
import { parseInput } from './input.ts'
import { ownUntilRollOver } from './own-activity.ts'

const schema = z.strictObject({ group: z.number().int().min(0), replica: z.enum(['a', 'b']) })
type FeedInput = z.infer<typeof schema>
type FeedActivities = { runFeed(input: FeedInput): Promise<unknown> }

const status = defineQuery<FeedInput & { taskQueue: string }>('status')

/**
 * Owns the one websocket activity of a group of markets. It runs on `control`, its activity on the replica's queue: a
 * feed process needs no workflow code, and starts in half the time. Membership goes through Redis, never through here.
 */
export async function feed(input: FeedInput): Promise<void> {
  const { group, replica } = parseInput(schema, input)
  const taskQueue = `feed-${replica}`
  setHandler(status, () => ({ group, replica, taskQueue }), { description: 'Group, replica and task queue' })
  setCurrentDetails(`Sockets of feed group **${group}**, replica **${replica}**, on task queue \`${taskQueue}\``)

  const { runFeed } = proxyActivities<FeedActivities>(longLived(taskQueue, `feed group ${group}, ${replica}`))
  await ownUntilRollOver(() => runFeed({ group, replica }))
  await continueAsNew<typeof feed>({ group, replica })
}
