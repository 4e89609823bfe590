import type { RefreshCount } from '../activities/catalogue.ts'
import type { PolicyCount } from '../activities/policy.ts'
import { catalogue, policy } from './activity-options.ts'

/** Every 60 s, and at once when it is triggered: first what is to be recorded, then everything the venue lists. */
export async function refreshCatalog(): Promise<{ subscriptions: PolicyCount; catalogue: RefreshCount }> {
  const subscriptions = await policy.followPolicy()
  const refreshed = await catalogue.refreshMarkets()
  return { subscriptions, catalogue: refreshed }
}
