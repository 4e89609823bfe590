import { join } from 'node:path'
import type { Client } from '@temporalio/client'
import { createBackfillActivities } from '../activities/backfill.ts'
import { createCatalogueActivities } from '../activities/catalogue.ts'
import { createCatalogueAge } from '../activities/catalogue-age.ts'
import { createEnrolment } from '../activities/enrolment.ts'
import { createEverythingActivities } from '../activities/everything.ts'
import { createImportPmxtActivities } from '../activities/import-pmxt.ts'
import { createImportPricesActivities } from '../activities/import-prices.ts'
import { createInspectionActivities } from '../activities/inspection.ts'
import { createOverrideActivities } from '../activities/override.ts'
import { createPartitionActivities } from '../activities/partitions.ts'
import { createCandidates } from '../activities/policy-candidates.ts'
import { createGroupReaders } from '../activities/policy-groups.ts'
import type { MarketRuns } from '../activities/policy-starts.ts'
import { createPolicyActivities } from '../activities/policy.ts'
import { createCataloguePublisher } from '../activities/publish-catalogue.ts'
import { createResolutionActivities } from '../activities/resolutions.ts'
import { createSubscriptionActivities } from '../activities/subscription.ts'
import { pruneMetricBuckets } from '../store/metrics.ts'
import { ensurePartitions } from '../store/partitions.ts'
import { createExpiries, type RetentionDays } from '../store/retention.ts'
import { createAppender } from '../stream/append.ts'
import { unreadIn } from '../stream/waiting.ts'
import { createDataApi } from '../venue/polymarket/data-api.ts'
import { createPricesHistory } from '../venue/polymarket/prices-history.ts'
import { createGamma, gammaPace } from '../venue/polymarket/gamma.ts'
import { CATALOG_SUBJECT } from '../domain/heartbeat.ts'
import { createAlertActivities } from './heartbeat-activities.ts'
import { writeHeartbeats } from './heartbeat-publisher.ts'
import type { Config } from '../config.ts'
import type { Prices } from '../cost/prices.ts'
import type { RoleContext } from './main.ts'
import type { Observation } from '../domain/observation.ts'
import type { Owners } from './owners.ts'
import type { ReadPolicy } from './policy-source.ts'

const GAMMA_TIMEOUT_MS = 4_000
const GAMMA_ATTEMPTS = 3
/** A quarter of what the venue allows; the poller takes half. */
const BACKFILL_CALLS_PER_10S = 50
/** As long as an update `setState` waits. */
const CONFIRM_WITHIN_MS = 10_000

const retentionOf = (config: Config): RetentionDays => ({
  dead_letters: config.RETENTION_DAYS_DEAD_LETTERS,
  alert_events: config.RETENTION_DAYS_ALERT_EVENTS,
  feed_alerts: config.RETENTION_DAYS_FEED_ALERTS,
  feed_gaps: config.RETENTION_DAYS_FEED_GAPS,
  market_changes: config.RETENTION_DAYS_MARKET_CHANGES,
  derived_metrics: config.RETENTION_DAYS_DERIVED_METRICS,
  liquidity_events: config.RETENTION_DAYS_LIQUIDITY_EVENTS,
})

type Control = {
  runs: MarketRuns
  owners: Owners
  client: Client
  readPolicy: ReadPolicy
  prices: Prices
  tell: (observation: Observation) => Promise<boolean>
}

const createImports = ({ config, log, stats, resources: { pool, redis } }: RoleContext) => {
  const stores = { pool, hasUnread: unreadIn(redis) }
  return {
    ...createImportPmxtActivities({ ...stores, folder: join(config.POLYTAPE_STATE_DIR, 'imports'), log, stats }),
    ...createImportPricesActivities({
      ...stores,
      prices: createPricesHistory({ baseUrl: config.POLYMARKET_CLOB_URL, stats }),
      stats,
    }),
  }
}

/** Joins the control plane's activities to the clients of this process. */
export const createControlActivities = (context: RoleContext, parts: Control) => {
  const { runs, owners, client, readPolicy, prices, tell } = parts
  const { config, log, stats, resources } = context
  const { redis, pool, signing } = resources
  stats.follow(createCatalogueAge(redis))
  const gamma = createGamma({
    baseUrl: config.POLYMARKET_GAMMA_URL,
    timeoutMs: GAMMA_TIMEOUT_MS,
    attempts: GAMMA_ATTEMPTS,
    pace: gammaPace(),
  })
  const appender = createAppender({ redis, signing, shardCount: config.NORMALIZER_SHARDS })
  const publisher = createCataloguePublisher({ redis, appender })
  const { MARKETS_PER_FEED: marketsPerFeed, BOOK_DEPTH: bookDepth } = config
  const ensureFeed = (group: number): Promise<void> => owners.ensureFeed(group)
  const subscriptions = createSubscriptionActivities({ redis, marketsPerFeed, bookDepth, ensureFeed })
  const enrolment = createEnrolment({ redis, marketsPerFeed, bookDepth, ensureFeed })
  const readCandidates = createCandidates(createGroupReaders({ gamma, publisher, log }), log)
  const policy = { readPolicy, readCandidates }
  const source = createDataApi({ baseUrl: config.POLYMARKET_DATA_URL, callsPer10s: BACKFILL_CALLS_PER_10S, stats })
  const catalogue = createCatalogueActivities({ gamma, publisher, pool, log, stats })
  return {
    ...catalogue,
    ...createBackfillActivities({ source, appender, redis, pool, log, stats }),
    ...createImports(context),
    ...createAlertActivities(context, { client, prices }),
    /** A whole pass over the catalogue is its heartbeat; it is not made again for one that Redis did not take. */
    refreshMarkets: async () => {
      const count = await catalogue.refreshMarkets()
      if (count.isCut) return count
      await writeHeartbeats(redis, [CATALOG_SUBJECT, '{}']).catch(() => stats.count('heartbeatsLost'))
      return count
    },
    ...createPolicyActivities({ ...policy, gamma, publisher, runs, enrolment, subscriptions, pool, log, stats }),
    ...subscriptions,
    ...createResolutionActivities({ gamma, publisher, runs, redis, pool, tell, log, stats }),
    ...createOverrideActivities({ pool }),
    ...createEverythingActivities({ redis, pool, confirmWithinMs: CONFIRM_WITHIN_MS }),
    ...createInspectionActivities({ redis, pool, shardCount: config.NORMALIZER_SHARDS }),
    ...createPartitionActivities({
      ensurePartitions: (daysAhead) => ensurePartitions(pool, daysAhead),
      expiries: [
        ...createExpiries(pool, retentionOf(config)),
        { table: 'metric_buckets', expireSome: () => pruneMetricBuckets(pool) },
      ],
      log,
      stats,
    }),
  }
}
