import { setCurrentDetails, sleep } from '@temporalio/workflow'
import type { RefreshCount } from '../activities/catalogue.ts'
import type { ChangeCount } from '../activities/policy-changes.ts'
import type { PolicyCount } from '../activities/policy.ts'
import type { ResolutionCount } from '../activities/resolutions.ts'
import { catalogue, changes, policy, resolutions } from './activity-options.ts'
import { parseInput } from './input.ts'
import { z } from './zod.ts'

/** Markets of which something was heard; without them, everything is refreshed. */
const schema = z
  .strictObject({
    markets: z
      .array(z.string().regex(/^\d{1,20}$/))
      .min(1)
      .max(500),
  })
  .optional()
type RefreshInput = z.infer<typeof schema>
type Whole = { resolutions: ResolutionCount; subscriptions: PolicyCount; catalogue: RefreshCount }
type Refreshed = Whole | { changes: ChangeCount }

/** The catalogue may show a market some time after it was announced. What is unknown after these is left to the schedule. */
const WAITS = ['300ms', '700ms', '1s', '2s', '4s', '8s', '15s', '30s'] as const

/**
 * Every 60 s, and when it is triggered: first what has ended, then what is to be recorded, then everything the venue
 * lists. With an input, at once for the markets that it names.
 */
export async function refreshCatalog(input?: RefreshInput): Promise<Refreshed> {
  const given = parseInput(schema, input)
  if (given !== undefined) return { changes: await refreshChanged(given.markets) }
  const polled = await resolutions.pollResolutions()
  const subscriptions = await policy.followPolicy()
  setCurrentDetails(subscriptions.problem === undefined ? '' : `**${subscriptions.problem}**`)
  const refreshed = await catalogue.refreshMarkets()
  return { resolutions: polled, subscriptions, catalogue: refreshed }
}

async function refreshChanged(markets: string[]): Promise<ChangeCount> {
  let total = await changes.followChanges({ markets })
  for (const wait of WAITS) {
    if (total.unknown.length === 0) break
    await sleep(wait)
    const count = await changes.followChanges({ markets: total.unknown })
    total = {
      refreshed: total.refreshed + count.refreshed,
      wanted: total.wanted + count.wanted,
      started: total.started + count.started,
      unknown: count.unknown,
    }
  }
  return total
}
