import { cancellationSignal } from '@temporalio/activity'
import { ApplicationFailure } from '@temporalio/common'
import type { Pool } from 'pg'
import { alertKey, alertText, type AlertEvent } from '../domain/alert.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { signatureHeaders } from '../lib/webhook-signature.ts'
import { markDeliveryGivenUp, noteAttempt, readOpenDelivery } from '../store/alert-deliveries.ts'

/** `secret`: signs what is posted; `hosts`: the only ones that may be posted to, empty = any. */
export type AlertDeliveryDeps = { pool: Pool; secret: string | undefined; hosts: string[]; log: Logger; stats: Stats }

const TIMEOUT_MS = 10_000
/** Well below the activities that control runs at once: webhooks that hang must not hold up the rest of it. */
const MOST_POSTS = 60
/** One that found no place comes again; it is not an attempt. */
const BUSY_RETRY_MS = 5_000
/** Of the refusals of a receiver those that may pass; after any other one nothing would change by asking again. */
const PASSING = new Set([408, 425, 429])
const isFinal = (status: number): boolean => status >= 400 && status < 500 && !PASSING.has(status)

const busy = (): ApplicationFailure =>
  ApplicationFailure.create({
    message: `${MOST_POSTS} webhooks are being asked already`,
    type: 'Busy',
    nextRetryDelay: BUSY_RETRY_MS,
  })

const refused = (message: string): ApplicationFailure => ApplicationFailure.nonRetryable(message, 'Refused')

const whyNotTo = (url: string, hosts: string[]): string | undefined => {
  const { host, hostname } = new URL(url)
  if (hosts.length === 0 || hosts.includes(host) || hosts.includes(hostname)) return undefined
  return `ALERT_WEBHOOK_HOSTS does not name ${host}`
}

/** The same body and key at every attempt. A redirect is not followed: it could lead anywhere. */
const post = async (event: AlertEvent, url: string, secret: string): Promise<void> => {
  const body = alertText(event)
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': alertKey(event),
      ...signatureHeaders({ timestampMs: Date.now(), body, secret }),
    },
    body,
    redirect: 'manual',
    signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), cancellationSignal()]),
  })
  await response.body?.cancel()
  if (response.ok) return
  const message = `expected the webhook to answer 2xx, got ${response.status}`
  throw isFinal(response.status) ? refused(message) : new Error(message)
}

const messageOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error instanceof Error ? error.message : String(error)}${cause}`.slice(0, 500)
}

export type AlertDeliveryActivities = ReturnType<typeof createAlertDeliveryActivities>

export const createAlertDeliveryActivities = ({ pool, secret, hosts, log, stats }: AlertDeliveryDeps) => {
  const attempt = async (event: AlertEvent, url: string): Promise<void> => {
    const reason =
      secret === undefined ? 'ALERT_WEBHOOK_SECRET is not set: nothing can be signed' : whyNotTo(url, hosts)
    if (secret === undefined || reason !== undefined) throw refused(reason ?? '')
    await post(event, url, secret)
  }
  let postCount = 0
  const attemptInTurn = async (event: AlertEvent, url: string): Promise<void> => {
    postCount += 1
    try {
      await attempt(event, url)
    } finally {
      postCount -= 1
    }
  }
  return {
    /**
     * Posts a crossing, signed; not again once an answer of 2xx is in Postgres.
     *
     * @throws ApplicationFailure Busy where too many are being posted; Refused (non-retryable) on 4xx other than 408, 425 and 429; Error on anything else but 2xx.
     */
    postAlert: async ({ eventId }: { eventId: string }): Promise<void> => {
      if (postCount >= MOST_POSTS) {
        stats.count('alertPostsBusy')
        throw busy()
      }
      const delivery = await readOpenDelivery(pool, eventId)
      if (delivery?.webhookUrl === undefined) return
      try {
        await attemptInTurn(delivery.event, delivery.webhookUrl)
      } catch (error) {
        stats.count('alertPostsFailed')
        await noteAttempt(pool, eventId, messageOf(error))
        throw error
      }
      stats.count('alertPosts')
      await noteAttempt(pool, eventId, undefined)
    },

    giveUpAlert: async ({ eventId }: { eventId: string }): Promise<void> => {
      log.error({ eventId }, 'a webhook did not take an alert; alert_events says why')
      stats.count('alertsGivenUp')
      await markDeliveryGivenUp(pool, eventId, 'it was not taken within an hour')
    },
  }
}
