import { Client } from '@temporalio/client'
import { createNormalizerActivities } from '../activities/normalizer.ts'
import type { Observation } from '../domain/observation.ts'
import type { RoleWorker } from './control.ts'
import type { RoleContext } from './main.ts'
import { createTemporalMeter } from './temporal-meter.ts'
import { newsIn, openObserver, toSignals } from './observer.ts'
import { normalizerOptions } from './worker-options.ts'

export const openNormalizer = async ({
  config,
  log,
  stats,
  resources,
  heartbeats,
}: RoleContext): Promise<RoleWorker> => {
  const { redis, connectRedis, pool, signing, temporal, namespace } = resources
  const client = new Client({ connection: temporal, namespace, interceptors: createTemporalMeter(stats).client })
  const observer = openObserver({ send: toSignals(client), news: newsIn(resources.redis), log, stats })
  const report = (observation: Observation): void => observer.report(observation)
  const given = { redis, connectRedis, pool, config, signing, log, stats }
  const activities = createNormalizerActivities({ ...given, heartbeats, report })
  return {
    options: normalizerOptions({ connection: temporal, namespace, activities }, config),
    [Symbol.asyncDispose]: async () => observer[Symbol.dispose](),
  }
}
