import { cancellationSignal } from '@temporalio/activity'
import type { Pool } from 'pg'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { signatureHeaders } from '../lib/webhook-signature.ts'
import { isDelivered, markDelivered, markGivenUp, markStarted, type Notice } from '../store/feed-alert-notices.ts'

/** `webhook`: where notices go, and the secret that signs them; undefined where they are only logged and counted. */
export type NoticeDeps = {
  pool: Pool
  webhook: { url: string; secret: string } | undefined
  log: Logger
  stats: Stats
}

const TIMEOUT_MS = 10_000
const COUNTERS = { raised: 'feedAlertsRaised', paged: 'feedAlertsPaged', recovered: 'feedAlertsRecovered' } as const
const SEVERITIES = { raised: 'warning', paged: 'page', recovered: 'info' } as const
const HEARTBEATS = {
  raised: 'heartbeats were missed',
  paged: 'heartbeats are missed and nothing that was tried has helped: a person must look',
  recovered: 'heartbeats are back',
}
/** Of kinds that are not about heartbeats. */
const TEXTS: ReadonlyMap<string, typeof HEARTBEATS> = new Map([
  [
    'partitions',
    {
      raised: 'a partition is missing and could not be made',
      paged: 'a partition is missing and cannot be made: a person must look',
      recovered: 'all partitions are there',
    },
  ],
  [
    'archive',
    {
      raised: 'a day could not be archived: nothing of it was dropped',
      paged: 'a day cannot be archived: a person must look',
      recovered: 'the day is archived',
    },
  ],
  [
    'cost',
    {
      raised: 'the costs are above COST_BUDGET: less is recorded',
      paged: 'the costs are above COST_BUDGET: less is recorded',
      recovered: 'the costs are within COST_BUDGET: all is recorded',
    },
  ],
])

/** Also the id of the workflow that delivers it, and the key by which a receiver knows a repetition. */
const keyOf = ({ alertId, state }: Notice): string => `feedAlert:${alertId}:${state}`

/** The same text at every attempt. */
const bodyOf = (notice: Notice): string =>
  JSON.stringify({ id: keyOf(notice), severity: SEVERITIES[notice.state], ...notice })

const post = async (notice: Notice, { url, secret }: { url: string; secret: string }): Promise<void> => {
  const body = bodyOf(notice)
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': keyOf(notice),
      ...signatureHeaders({ timestampMs: Date.now(), body, secret }),
    },
    body,
    redirect: 'manual',
    signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), cancellationSignal()]),
  })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`expected the alert webhook to answer 2xx, got ${response.status}`)
}

export type NoticeActivities = ReturnType<typeof createNoticeActivities>

export const createNoticeActivities = ({ pool, webhook, log, stats }: NoticeDeps) => {
  const write = (notice: Notice): void => {
    stats.count(COUNTERS[notice.state])
    const about = { ...notice, severity: SEVERITIES[notice.state] }
    const text = (TEXTS.get(notice.kind) ?? HEARTBEATS)[notice.state]
    if (notice.state === 'paged') log.error(about, text)
    else log[notice.state === 'raised' ? 'warn' : 'info'](about, text)
  }
  return {
    /** Logs and counts it, once. `isDone`: there is no webhook to deliver it to. */
    announceNotice: async (notice: Notice): Promise<{ isDone: boolean }> => {
      if (await markStarted(pool, notice)) write(notice)
      if (webhook === undefined) await markDelivered(pool, notice)
      return { isDone: webhook === undefined }
    },

    /**
     * Posts it, signed; not again once an answer of 2xx is in Postgres.
     *
     * @throws Error on any other answer, or none: it is tried again.
     */
    deliverNotice: async (notice: Notice): Promise<void> => {
      if (webhook === undefined || (await isDelivered(pool, notice))) return
      try {
        await post(notice, webhook)
      } catch (error) {
        stats.count('alertWebhookFailures')
        throw error
      }
      stats.count('alertWebhooks')
      await markDelivered(pool, notice)
    },

    giveUpNotice: async (notice: Notice): Promise<void> => {
      log.error({ alertId: notice.alertId, state: notice.state }, 'the alert webhook did not take a notice for a day')
      stats.count('alertWebhooksGivenUp')
      await markGivenUp(pool, notice)
    },
  }
}
