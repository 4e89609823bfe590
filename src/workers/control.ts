import { Client } from '@temporalio/client'
import type { Redis } from 'ioredis'
import type { WorkerOptions } from '@temporalio/worker'
import { checkPolicyText } from '../policy-file.ts'
import { readPrices } from '../price-file.ts'
import { marketsHook } from '../http/markets-hook.ts'
import { openHttpServer, type HttpServer } from '../http/server.ts'
import { restoreShed } from '../activities/shed-copy.ts'
import { restoreSwitch } from '../activities/everything-copy.ts'
import { readFeedGroups } from '../activities/feed-groups.ts'
import { createRebalance } from '../activities/rebalance.ts'
import { openAlertDispatcher } from './alert-dispatcher.ts'
import { createControlActivities } from './control-activities.ts'
import { openCatalogChanges, startRefresh, type CatalogChanges } from './catalog-changes.ts'
import { oneAtATime } from '../lib/every.ts'
import { ensurePartitions } from '../store/partitions.ts'
import type { RoleContext } from './main.ts'
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
  const client = new Client({ connection: temporal, namespace })
  const runs = createMarketRuns(client, context.config.BOOK_DEPTH)
  const owners = createOwners(client, config.NORMALIZER_SHARDS)
  await checkPolicyText(config)
  const readPolicy = createPolicySource(context)
  const prices = await readPrices(config.COST_PRICES)
  const parts = { runs, owners, client, readPolicy, prices, tell: toSignals(client) }
  const activities = createControlActivities(context, parts)

  const start = startRefresh(client)
  const changes = await openCatalogChanges({ start, subscriber: resources.connectRedis(), log, stats })
  const http = await openHttp(context, changes)
  const reassert = await openReassert({ client, runs, subscriber: resources.connectRedis(), log })
  const ensureFeed = (group: number): Promise<void> => owners.ensureFeed(group)
  const { redis } = resources
  const rebalance = createRebalance({ redis, marketsPerFeed: config.MARKETS_PER_FEED, ensureFeed, log })
  const retire = createRetirement({ client, redis, shardCount: config.NORMALIZER_SHARDS, log })
  const watch = async (): Promise<void> => {
    const running = await owners.running()
    await watchOver({ owners, reassert, context, running })
    await rebalance()
    await retire(running)
  }
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
      await http[Symbol.asyncDispose]()
    },
  }
}

const openHttp = async ({ config, log, stats }: RoleContext, changes: CatalogChanges): Promise<HttpServer> => {
  const { HTTP_HOST: host, HTTP_PORT: port, HOOKS_SECRET: secret } = config
  const hook = marketsHook({ secret, want: (marketId) => changes.want(marketId), stats, now: Date.now })
  const server = await openHttpServer({ host, port, routes: [hook], log })
  log.info(
    `HTTP at ${server.url}${secret === undefined ? '; POST /hooks/markets is off: HOOKS_SECRET is not set' : ''}`,
  )
  return server
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
