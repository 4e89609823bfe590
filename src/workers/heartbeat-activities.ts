import { activityInfo } from '@temporalio/activity'
import type { Client } from '@temporalio/client'
import type { Config } from '../config.ts'
import { createCostWatch } from '../activities/costs.ts'
import type { Budget } from '../cost/budget.ts'
import type { Prices } from '../cost/prices.ts'
import { toMillionths } from '../domain/decimal.ts'
import { createAlertDeliveryActivities } from '../activities/alert-delivery.ts'
import { createTellingActivities } from '../activities/alert-telling.ts'
import { createHeartbeatActivities } from '../activities/heartbeats.ts'
import { createNoticeActivities } from '../activities/notices.ts'
import { windowsOf } from './heartbeat-windows.ts'
import type { RoleContext } from './main.ts'
import { signalMarket } from './market-runs.ts'

const webhookOf = ({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: secret }: Config) =>
  url === undefined || secret === undefined ? undefined : { url, secret }

const budgetOf = ({ COST_BUDGET: text, COST_SETTLE_MS: settleMs }: Config): Budget | undefined => {
  const limitMicrodollars = toMillionths(text ?? '')
  return limitMicrodollars === undefined ? undefined : { limitMicrodollars, settleMs }
}

/** Joins the comparison of heartbeats, what is told of it, and the delivery of alerts, to the clients of this process. */
export const createAlertActivities = (
  { config, log, stats, resources }: RoleContext,
  { client, prices }: { client: Client; prices: Prices },
) => {
  const { redis, pool } = resources
  const refresh = client.schedule.getHandle('refreshCatalog')
  /** Where Temporal does not say, an alert stays as it is. */
  const isCatalogueDue = (): Promise<boolean> =>
    refresh.describe().then(
      ({ state }) => !state.paused,
      () => true,
    )
  return {
    ...createHeartbeatActivities({
      isAgain: () => activityInfo().attempt > 1,
      redis,
      pool,
      shardCount: config.NORMALIZER_SHARDS,
      isPolling: true,
      windows: windowsOf(config),
      isCatalogueDue,
      watchCosts: createCostWatch({
        redis,
        pool,
        prices,
        budget: budgetOf(config),
        levels: config.COST_SHED_DEPTH,
        hotDays: config.ARCHIVE_AFTER_DAYS,
        now: Date.now,
        log,
        stats,
      }),
      log,
      stats,
    }),
    ...createTellingActivities({
      pool,
      signal: (marketId, alert) => signalMarket(client, marketId, 'feedAlert', [alert]),
      stats,
    }),
    ...createNoticeActivities({ pool, webhook: webhookOf(config), log, stats }),
    ...createAlertDeliveryActivities({
      pool,
      secret: config.ALERT_WEBHOOK_SECRET,
      hosts: config.ALERT_WEBHOOK_HOSTS,
      log,
      stats,
    }),
  }
}
