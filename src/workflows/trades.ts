import { continueAsNew, defineQuery, proxyActivities, setCurrentDetails, setHandler } from '@temporalio/workflow'
import { longLived } from './activity-options.ts'
import { parseInput } from './input.ts'
import { ownUntilRollOver } from './own-activity.ts'
import { z } from './zod.ts'

const schema = z.strictObject({})
type TradesInput = z.infer<typeof schema>
type TradesActivities = { runTrades(): Promise<unknown> }

const TASK_QUEUE = 'feed-a'
const status = defineQuery<{ taskQueue: string }>('status')

/** Owns the one activity that polls the Data API for fills and for what tracked wallets do. */
export async function trades(input: TradesInput): Promise<void> {
  parseInput(schema, input)
  setHandler(status, () => ({ taskQueue: TASK_QUEUE }), { description: 'Task queue' })
  setCurrentDetails(`Poller of the Data API, on task queue \`${TASK_QUEUE}\``)

  const { runTrades } = proxyActivities<TradesActivities>(longLived(TASK_QUEUE, 'poller of the Data API'))
  await ownUntilRollOver(() => runTrades())
  await continueAsNew<typeof trades>({})
}
