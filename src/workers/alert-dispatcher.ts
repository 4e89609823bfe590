import type { Client } from '@temporalio/client'
import type { Redis } from 'ioredis'
import { createAlertCare } from '../activities/alert-care.ts'
import { createAlertDispatch } from '../activities/alert-dispatch.ts'
import { ALERTS_CHANNEL } from '../domain/keys.ts'
import { oneAtATime, pause } from '../lib/every.ts'
import type { RoleContext } from './main.ts'
import { reasonOf } from './until-reachable.ts'

/** What the channel did not tell of is found within this time. */
const SWEEP_EVERY_MS = 1_000
const CARE_EVERY_MS = 2_000
/** Rounds of ten: 50 workflows a second. */
const ROUND_MS = 200

/** Of one crossing there is one workflow at a time. What is delivered is not delivered again: its row says so. */
export const startDelivery =
  (client: Client) =>
  async (eventId: string): Promise<void> => {
    await client.workflow.start('deliverAlert', {
      taskQueue: 'control',
      workflowId: `alert:${eventId}`,
      args: [{ eventId }],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `Crossing ${eventId} of alert_events`,
    })
  }

type Given = { context: RoleContext; client: Client; subscriber: Redis }

/** Delivers what rules fired: told by the channel, and by looking again, since whoever tells may be killed before. */
export const openAlertDispatcher = async ({ context, client, subscriber }: Given): Promise<Disposable> => {
  const { log, stats, resources } = context
  const { pool, redis } = resources
  const ended = new AbortController()
  const dispatch = createAlertDispatch({ pool, redis, start: startDelivery(client), log, stats })
  const rounds = async (): Promise<void> => {
    while (!ended.signal.aborted && (await dispatch())) await pause(ROUND_MS, ended.signal)
  }
  const look = oneAtATime(rounds, (error) => log.warn(`could not deliver alerts: ${reasonOf(error)}; trying again`))
  const care = oneAtATime(createAlertCare({ pool, stats }), (error) =>
    log.warn(`could not look after alert rules: ${reasonOf(error)}; trying again`),
  )
  const timers = [setInterval(look, SWEEP_EVERY_MS), setInterval(care, CARE_EVERY_MS)]
  subscriber.on('message', look)
  await subscriber.subscribe(ALERTS_CHANNEL)
  return {
    [Symbol.dispose]: () => {
      ended.abort()
      for (const timer of timers) clearInterval(timer)
      subscriber.off('message', look)
    },
  }
}
