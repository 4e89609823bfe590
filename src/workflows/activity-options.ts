import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow'
import type { AlertDeliveryActivities } from '../activities/alert-delivery.ts'
import type { TellingActivities } from '../activities/alert-telling.ts'
import type { ArchiveActivities } from '../activities/archive.ts'
import type { RestoreActivities } from '../activities/archive-restore.ts'
import type { BackfillActivities } from '../activities/backfill.ts'
import type { CatalogueActivities } from '../activities/catalogue.ts'
import type { ImportPmxtActivities } from '../activities/import-pmxt.ts'
import type { ImportPricesActivities } from '../activities/import-prices.ts'
import type { HeartbeatActivities } from '../activities/heartbeats.ts'
import type { EverythingActivities } from '../activities/everything.ts'
import type { InspectionActivities } from '../activities/inspection.ts'
import type { NoticeActivities } from '../activities/notices.ts'
import type { OverrideActivities } from '../activities/override.ts'
import type { PartitionActivities } from '../activities/partitions.ts'
import type { PolicyActivities } from '../activities/policy.ts'
import type { ResolutionActivities } from '../activities/resolutions.ts'
import type { SubscriptionActivities } from '../activities/subscription.ts'

/** The table of retries is in ARCHITECTURE.md. Unlimited attempts where giving up would leave a market unwatched. */
const briefly: ActivityOptions = {
  startToCloseTimeout: '10s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { initialInterval: '250ms', maximumInterval: '5s' },
}

const { loadMarket } = proxyActivities<CatalogueActivities>({
  startToCloseTimeout: '20s',
  retry: { initialInterval: '500ms', maximumInterval: '30s' },
})
const { applySubscription, forgetSubscription } = proxyActivities<SubscriptionActivities>(briefly)
const { recordOverride } = proxyActivities<OverrideActivities>(briefly)
const { confirmSubscription } = proxyActivities<SubscriptionActivities>({ ...briefly, startToCloseTimeout: '15s' })
/** An operator waits for it: what has no answer by then says so itself. */
const { inspectMarket } = proxyActivities<InspectionActivities>({
  scheduleToCloseTimeout: '5s',
  startToCloseTimeout: '4s',
  retry: { initialInterval: '250ms' },
})
const { awaitDrained } = proxyActivities<ResolutionActivities>({ ...briefly, startToCloseTimeout: '30s' })
export const market = {
  loadMarket,
  applySubscription,
  confirmSubscription,
  recordOverride,
  forgetSubscription,
  inspectMarket,
  awaitDrained,
}

const { turnEverything } = proxyActivities<EverythingActivities>(briefly)
const { confirmEverything } = proxyActivities<EverythingActivities>({ ...briefly, startToCloseTimeout: '15s' })
export const everything = { turnEverything, confirmEverything }

const paged: ActivityOptions = {
  startToCloseTimeout: '10m',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '1s', maximumInterval: '30s', maximumAttempts: 5 },
}
export const catalogue = proxyActivities<CatalogueActivities>(paged)
export const policy = proxyActivities<PolicyActivities>(paged)
/** New books wait for it. */
export const changes = proxyActivities<PolicyActivities>({
  startToCloseTimeout: '2m',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '250ms', maximumInterval: '5s', maximumAttempts: 20 },
})
export const resolutions = proxyActivities<ResolutionActivities>(paged)

/** For as long as the Data API is away: a person waits for history, and finds why in the pending activity. */
export const backfill = proxyActivities<BackfillActivities>({
  startToCloseTimeout: '30m',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', maximumInterval: '1m' },
})

/** A file is downloaded and sorted by one attempt, and a slice imports some markets: for as long as anything is away. */
export const imports = proxyActivities<ImportPmxtActivities & ImportPricesActivities>({
  startToCloseTimeout: '2h',
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', maximumInterval: '1m' },
})

export const partitions = proxyActivities<PartitionActivities>({
  startToCloseTimeout: '1m',
  retry: { initialInterval: '1s', maximumInterval: '30s', maximumAttempts: 20 },
})
/** What is left is deleted by the next run, an hour later. */
export const retention = proxyActivities<PartitionActivities>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '1m',
  retry: { initialInterval: '1s', maximumInterval: '30s', maximumAttempts: 3 },
})

/**
 * For a day: a bucket or a database that is away for hours is waited for, and found in the pending activity. A worker that dies
 * is noticed within 15 s.
 */
const archiving: ActivityOptions = {
  taskQueue: 'archive',
  startToCloseTimeout: '12h',
  scheduleToCloseTimeout: '20h',
  heartbeatTimeout: '15s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1s', maximumInterval: '1m' },
}
const { writePart, provePart, dropPart } = proxyActivities<ArchiveActivities>(archiving)
const { heartbeatTimeout: _, ...unobserved } = archiving
/** A few statements each, and nothing to report meanwhile. */
const { planArchive, sealRows } = proxyActivities<ArchiveActivities>({ ...unobserved, startToCloseTimeout: '10m' })
export const archive = { planArchive, sealRows, writePart, provePart, dropPart }
export const restores = proxyActivities<RestoreActivities>(archiving)
export const archiveAlerts = proxyActivities<Pick<ArchiveActivities, 'raiseArchiveAlert' | 'endArchiveAlert'>>({
  ...briefly,
  taskQueue: 'archive',
})

/** The next check comes within 15 s: two attempts are enough. */
export const heartbeats = proxyActivities<HeartbeatActivities & TellingActivities>({
  startToCloseTimeout: '20s',
  retry: { initialInterval: '1s', maximumAttempts: 2 },
})
export const notices = proxyActivities<NoticeActivities>(briefly)
/** For a day; a receiver that is away for longer finds the alerts in Postgres. */
export const webhooks = proxyActivities<NoticeActivities>({
  startToCloseTimeout: '15s',
  scheduleToCloseTimeout: '24h',
  retry: { initialInterval: '1s', maximumInterval: '5m' },
})

/** For an hour: later an alert of a price would mislead. */
const { postAlert } = proxyActivities<AlertDeliveryActivities>({
  startToCloseTimeout: '15s',
  scheduleToCloseTimeout: '1h',
  retry: { initialInterval: '1s', maximumInterval: '2m' },
})
const { giveUpAlert } = proxyActivities<AlertDeliveryActivities>(briefly)
export const alerts = { postAlert, giveUpAlert }

/**
 * An activity that runs for as long as its workflow: lost ones are noticed by the heartbeat and retried for ever. Without
 * backoff, since attempts are counted over the whole life: the tenth worker that dies is replaced as fast as the first.
 */
export const longLived = (taskQueue: string, summary: string): ActivityOptions => ({
  taskQueue,
  summary,
  heartbeatTimeout: '3s',
  startToCloseTimeout: '30d',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '250ms', backoffCoefficient: 1 },
})
