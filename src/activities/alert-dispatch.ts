import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { alertText } from '../domain/alert.ts'
import { ALERTS_CHANNEL } from '../domain/keys.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import {
  markDeliveryStarted,
  readDueDeliveries,
  takeWithoutWebhook,
  type Delivery,
  type Room,
} from '../store/alert-deliveries.ts'

export type AlertDispatchDeps = {
  pool: Pool
  redis: Redis
  /** Starts the workflow that delivers it, unless it runs. */
  start: (eventId: string) => Promise<void>
  log: Logger
  stats: Stats
}

/** With five rounds a second, 50 workflows a second; what has no webhook costs no workflow. */
const ROOM: Room = { aRound: 10, aHost: 20, inAll: 1_000 }
const LOGGED_A_ROUND = 1_000

/** One round over crossings that are not delivered; true where there may be more. */
export const createAlertDispatch = ({ pool, redis, start, log, stats }: AlertDispatchDeps) => {
  const tell = async (taken: (Delivery & { isUntold: boolean })[]): Promise<void> => {
    for (const { event } of taken) log.info({ ...event }, 'an alert rule fired')
    const pipeline = redis.pipeline()
    for (const { event, isUntold } of taken) if (isUntold) pipeline.publish(ALERTS_CHANNEL, alertText(event))
    // At most once: who needs each of them asks Postgres, or has a webhook.
    await pipeline.exec().catch(() => stats.count('alertsUntold', taken.length))
  }

  const begin = async (delivery: Delivery & { isUntold: boolean }): Promise<void> => {
    await start(delivery.eventId)
    if (await markDeliveryStarted(pool, delivery.eventId)) await tell([delivery])
    stats.count('alertDeliveriesStarted')
  }

  return async (): Promise<boolean> => {
    const logged = await takeWithoutWebhook(pool, LOGGED_A_ROUND)
    await tell(logged)
    const due = await readDueDeliveries(pool, ROOM)
    const outcomes = await Promise.allSettled(due.map(begin))
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
    stats.count('alertDispatchesFailed', failed.length)
    // One that cannot be started ends no round; where none can, it is no matter of the row.
    if (failed[0] !== undefined && failed.length === due.length) throw failed[0].reason
    return logged.length === LOGGED_A_ROUND || due.length === ROOM.aRound
  }
}
