import { createCatalogueActivities } from '../activities/catalogue.ts'
import { createEnrolment } from '../activities/enrolment.ts'
import { createInspectionActivities } from '../activities/inspection.ts'
import { createOverrideActivities } from '../activities/override.ts'
import { createPartitionActivities } from '../activities/partitions.ts'
import { createCandidates } from '../activities/policy-candidates.ts'
import { createGroupReaders } from '../activities/policy-groups.ts'
import type { MarketRuns } from '../activities/policy-starts.ts'
import { createPolicyActivities } from '../activities/policy.ts'
import { createCataloguePublisher } from '../activities/publish-catalogue.ts'
import { createSubscriptionActivities } from '../activities/subscription.ts'
import { ensurePartitions } from '../store/partitions.ts'
import { createAppender } from '../stream/append.ts'
import { createGamma, gammaPace } from '../venue/polymarket/gamma.ts'
import type { RoleContext } from './main.ts'
import type { Owners } from './owners.ts'
import type { ReadPolicy } from './policy-source.ts'

const GAMMA_TIMEOUT_MS = 4_000
const GAMMA_ATTEMPTS = 3

type Control = { runs: MarketRuns; owners: Owners; readPolicy: ReadPolicy }

/** Joins the control plane's activities to the clients of this process. */
export const createControlActivities = (context: RoleContext, { runs, owners, readPolicy }: Control) => {
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
  const { MARKETS_PER_FEED: marketsPerFeed, BOOK_DEPTH: bookDepth } = config
  const ensureFeed = (group: number): Promise<void> => owners.ensureFeed(group)
  const subscriptions = createSubscriptionActivities({ redis, marketsPerFeed, bookDepth, ensureFeed })
  const enrolment = createEnrolment({ redis, marketsPerFeed, bookDepth, ensureFeed })
  const readCandidates = createCandidates(createGroupReaders({ gamma, publisher, log }), log)
  const policy = { readPolicy, readCandidates }
  return {
    ...createCatalogueActivities({ gamma, publisher, pool, log, stats }),
    ...createPolicyActivities({ ...policy, gamma, publisher, runs, enrolment, subscriptions, pool, log, stats }),
    ...subscriptions,
    ...createOverrideActivities({ pool }),
    ...createInspectionActivities({ redis }),
    ...createPartitionActivities({ ensurePartitions: (daysAhead) => ensurePartitions(pool, daysAhead) }),
  }
}
