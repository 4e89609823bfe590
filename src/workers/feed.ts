import { restoreSwitch } from '../activities/everything-copy.ts'
import { createFeedActivities } from '../activities/feed.ts'
import { restoreShed } from '../activities/shed-copy.ts'
import { createTradesActivities } from '../activities/trades.ts'
import type { RoleWorker } from './control.ts'
import type { RoleContext } from './main.ts'
import { feedOptions } from './worker-options.ts'

export const openFeed = async ({
  config,
  log,
  stats,
  resources,
  replica,
  heartbeats,
}: RoleContext): Promise<RoleWorker> => {
  const { redis, connectRedis, pool, signing, temporal, namespace } = resources
  await restoreSwitch(redis, pool)
  await restoreShed(redis, pool)
  const deps = { redis, connectRedis, config, signing, heartbeats, log, stats }
  const activities = { ...createFeedActivities(deps), ...createTradesActivities(deps) }
  return {
    options: feedOptions({ connection: temporal, namespace, activities }, replica),
    [Symbol.asyncDispose]: async () => undefined,
  }
}
