import { Client } from '@temporalio/client'
import type { Redis } from 'ioredis'
import type { WorkerOptions } from '@temporalio/worker'
import { checkPolicyText } from '../policy-file.ts'
import { readPrices } from '../price-file.ts'
import { restoreShed } from '../activities/shed-copy.ts'
import type { Check } from '../http/health.ts'
import { marketsHook } from '../http/markets-hook.ts'
import { restoreSwitch } from '../activities/everything-copy.ts'
import { readFeedGroups } from '../activities/feed-groups.ts'
import { createRebalance } from '../activities/rebalance.ts'
import { followStanding } from '../activities/standing-figures.ts'
import { openAlertDispatcher } from './alert-dispatcher.ts'
import { createControlActivities } from './control-activities.ts'
import { openCatalogChanges, startRefresh, type CatalogChanges } from './catalog-changes.ts'
import { oneAtATime } from '../lib/every.ts'
import { ensurePartitions } from '../store/partitions.ts'
import type { RoleContext } from './main.ts'
import { createTemporalMeter } from './temporal-meter.ts'
import { createMarketRuns } from './market-runs.ts'
import { toSignals } from './observer.ts'
import { createOwners, type Owners } from './owners.ts'
import { createPolicySource } from './policy-source.ts'
import { openReassert, type Reassert } from './reassert.ts'
import { createRetirement } from './retirement.ts'
import { deploySchedules } from './schedules.ts'
import { reasonOf, untilReachable } from './until-reachable.ts'
import { controlOptions } from './worker-options.ts'
import { loadWorkflowBundle } from './workflow-bundle.ts'

/**
 * Run id of the Redis that holds the copy of the desired states. Whoever empties Redis takes it along, and one that was
 * restarted may have lost what it was told last.
 */
const COPY_MARK_KEY = 'desired:copy'
const ENSURE_EVERY_MS = 15_000
/** As the schedule `maintainPartitions`, which may be paused or late. */
const DAYS_AHEAD = 3

export type RoleWorker = AsyncDisposable & { options: WorkerOptions }

/** The control plane: every workflow, the catalogue, the policy, and the watch over what must run. */
export const openControl = async (context: RoleContext): Promise<RoleWorker> => {
  const { config, log, stats, resources, signal } = context
  const { temporal, namespace } = resources
  const client = new Client({ connection: temporal, namespace, interceptors: createTemporalMeter(stats).client })
  const runs = createMarketRuns(client, context.config.BOOK_DEPTH)
  const owners = createOwners(client, config.NORMALIZER_SHARDS)
  await checkPolicyText(config)
  const readPolicy = createPolicySource(context)
  const prices = await readPrices(config.COST_PRICES)
  const parts = { runs, owners, client, readPolicy, prices, tell: toSignals(client) }
  const activities = createControlActivities(context, parts)

  const start = startRefresh(client)
  const changes = await openCatalogChanges({ start, subscriber: resources.connectRedis(), log, stats })
  addHooks(context, changes)
  followStanding(resources, stats)
  const reassert = await openReassert({ client, runs, subscriber: resources.connectRedis(), log })
  const watch = createWatch({ owners, reassert, context, client })
  const setUp = async (): Promise<void> => {
    const { failed } = await ensurePartitions(resources.pool, DAYS_AHEAD)
    for (const { table, day, error } of failed) log.warn({ table, day, error }, 'a partition could not be made')
    await watch()
    await deploySchedules(client)
  }
  const remedy = 'Have the migrations run? Has the Temporal namespace MarketState, MarketSlug and FeedGroup?'
  const [bundlePath] = await Promise.all([
    loadWorkflowBundle(config.POLYTAPE_STATE_DIR, log),
    untilReachable({ name: 'the control plane', remedy, attempt: setUp }, log, signal),
  ])
  const lookAgain = oneAtATime(watch, (error) =>
    log.warn(`could not look after the owner workflows: ${reasonOf(error)}`),
  )
  const dispatcher = await openAlertDispatcher({ context, client, subscriber: resources.connectRedis() })
  const timer = setInterval(lookAgain, ENSURE_EVERY_MS)
  return {
    options: controlOptions({ connection: temporal, namespace, activities }, bundlePath, config),
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      for (const one of [reassert, changes, dispatcher]) one[Symbol.dispose]()
    },
  }
}

/** Three rounds in a row that failed are no accident. */
const WATCHED_WITHIN_MS = 3 * ENSURE_EVERY_MS

const watchCheck = (watchedTimeMs: () => number): Check => ({
  name: 'watch',
  look: () => {
    const agoMs = Date.now() - watchedTimeMs()
    if (watchedTimeMs() === 0) return { isOk: false, says: 'has not looked after the owner workflows yet' }
    const says = `looked after the owner workflows ${Math.round(agoMs / 1_000)} s ago`
    return { isOk: agoMs < WATCHED_WITHIN_MS, says }
  },
})

const addHooks = ({ config, log, stats, http }: RoleContext, changes: CatalogChanges): void => {
  const { HOOKS_SECRET: secret } = config
  http.addRoute(marketsHook({ secret, want: (marketId) => changes.want(marketId), stats, now: Date.now }))
  if (secret === undefined) log.info('POST /hooks/markets is off: HOOKS_SECRET is not set')
}

type Watching = { owners: Owners; reassert: Reassert; context: RoleContext; client: Client }

const createWatch = ({ owners, reassert, context, client }: Watching): (() => Promise<void>) => {
  const { config, log, resources, http } = context
  const { redis } = resources
  const ensureFeed = (group: number): Promise<void> => owners.ensureFeed(group)
  const rebalance = createRebalance({ redis, marketsPerFeed: config.MARKETS_PER_FEED, ensureFeed, log })
  const retire = createRetirement({ client, redis, shardCount: config.NORMALIZER_SHARDS, log })
  let watchedTimeMs = 0
  http.health.readyWhile(watchCheck(() => watchedTimeMs))
  return async () => {
    const running = await owners.running()
    await watchOver({ owners, reassert, context, running })
    await rebalance()
    await retire(running)
    watchedTimeMs = Date.now()
  }
}

type Watched = { owners: Owners; reassert: Reassert; context: RoleContext; running: ReadonlySet<string> }

/** Of this life of Redis; managed ones may not say. */
const runIdOf = async (redis: Redis): Promise<string> =>
  /^run_id:(\w+)/m.exec(await redis.info('server').catch(() => ''))?.[1] ?? 'unknown'

/** By a timer here and not by a schedule: an owner that was terminated comes back within 15 s, the venue reachable or not. */
const watchOver = async ({ owners, reassert, context, running }: Watched): Promise<void> => {
  const { redis, pool } = context.resources
  // Before the desires are written anew: a feed must not follow them while everything is paused.
  await restoreSwitch(redis, pool)
  await restoreShed(redis, pool)
  await owners.ensureNormalizers(running)
  await owners.ensureTrades(running)
  for (const group of await readFeedGroups(redis)) await owners.ensureFeed(group, running)
  const runId = await runIdOf(redis)
  const runIdBefore = await redis.set(COPY_MARK_KEY, runId, 'GET')
  if (runIdBefore !== runId) reassert.want('*')
}
