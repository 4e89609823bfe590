import { createCatalogueActivities } from '../activities/catalogue.ts'
import { createEnrolment } from '../activities/enrolment.ts'
import { createInspectionActivities } from '../activities/inspection.ts'
import { createOverrideActivities } from '../activities/override.ts'
import { createPartitionActivities } from '../activities/partitions.ts'
import { createPolicyActivities, type MarketRuns } from '../activities/policy.ts'
import { createCataloguePublisher } from '../activities/publish-catalogue.ts'
import { createResolutionActivities } from '../activities/resolutions.ts'
import { createSubscriptionActivities } from '../activities/subscription.ts'
import { ensurePartitions } from '../store/partitions.ts'
import { createAppender } from '../stream/append.ts'
import { createGamma, gammaPace } from '../venue/polymarket/gamma.ts'
import type { RoleContext } from './main.ts'
import type { Observation } from '../domain/observation.ts'
import type { Owners } from './owners.ts'

const GAMMA_TIMEOUT_MS = 4_000
const GAMMA_ATTEMPTS = 3

export type ControlParts = { runs: MarketRuns; owners: Owners; tell: (observation: Observation) => Promise<boolean> }

/** Joins the control plane's activities to the clients of this process. */
export const createControlActivities = (context: RoleContext, { runs, owners, tell }: ControlParts) => {
  const { config, log, stats, resources } = context
  const { redis, pool, signing } = resources
  const gamma = createGamma({
    baseUrl: config.POLYMARKET_GAMMA_URL,
    timeoutMs: GAMMA_TIMEOUT_MS,
    attempts: GAMMA_ATTEMPTS,
    pace: gammaPace(),
  })
  const appender = createAppender({ redis, signing, shardCount: config.NORMALIZER_SHARDS })
  const publisher = createCataloguePublisher({ redis, appender })
  const { POLYTAPE_MARKETS: markets, POLYTAPE_TOP: top, MARKETS_PER_FEED: marketsPerFeed } = config
  const { BOOK_DEPTH: bookDepth } = config
  const ensureFeed = (group: number): Promise<void> => owners.ensureFeed(group)
  const subscriptions = createSubscriptionActivities({ redis, marketsPerFeed, bookDepth, ensureFeed })
  const enrolment = createEnrolment({ redis, marketsPerFeed, bookDepth, ensureFeed })
  return {
    ...createCatalogueActivities({ gamma, publisher, log, stats }),
    ...createPolicyActivities({ markets, top, gamma, publisher, runs, enrolment, subscriptions, pool, log, stats }),
    ...subscriptions,
    ...createResolutionActivities({ gamma, publisher, runs, redis, pool, tell, log, stats }),
    ...createOverrideActivities({ pool }),
    ...createInspectionActivities({ redis, pool, shardCount: config.NORMALIZER_SHARDS }),
    ...createPartitionActivities({ ensurePartitions: (daysAhead) => ensurePartitions(pool, daysAhead) }),
  }
}
