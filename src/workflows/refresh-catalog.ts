import type { RefreshCount } from '../activities/catalogue.ts'
import type { PolicyCount } from '../activities/policy.ts'
import type { ResolutionCount } from '../activities/resolutions.ts'
import { catalogue, policy, resolutions } from './activity-options.ts'

type Refreshed = { resolutions: ResolutionCount; subscriptions: PolicyCount; catalogue: RefreshCount }

/**
 * Every 60 s, and at once when it is triggered: first what has ended, which then is not ended for having left the list,
 * then what is to be recorded, then everything the venue lists.
 */
export async function refreshCatalog(): Promise<Refreshed> {
  const polled = await resolutions.pollResolutions()
  const subscriptions = await policy.followPolicy({ closed: polled.closed })
  const refreshed = await catalogue.refreshMarkets()
  return { resolutions: polled, subscriptions, catalogue: refreshed }
}
