import { Worker } from '@temporalio/worker'
import { readConfig, type Config } from '../config.ts'
import { createReports, type Reports } from '../heartbeats/reporter.ts'
import { createLog, type Logger } from '../lib/log.ts'
import { createStats, type Stats } from '../lib/stats.ts'
import type { RoleWorker } from './control.ts'
import { publishHeartbeats } from './heartbeat-publisher.ts'
import { openResources, type Resources } from './resources.ts'
import { pollingCheck } from './health-checks.ts'
import { openProcessHttp, type ProcessHttp } from './process-http.ts'
import { publishStats } from './stats-publisher.ts'
import { createTemporalMeter } from './temporal-meter.ts'
import { publishUsage } from './usage-publisher.ts'
import { installRuntime } from './temporal-runtime.ts'
import type { Replica, Role } from './worker-options.ts'

export type RoleContext = {
  config: Config
  log: Logger
  stats: Stats
  resources: Resources
  heartbeats: Reports
  http: ProcessHttp
  replica: Replica
  /** Aborted when the process is asked to end. */
  signal: AbortSignal
}

/** Loaded one by one: a feed starts without the code of the others. */
const openRole = async (role: Role, context: RoleContext): Promise<RoleWorker> => {
  switch (role) {
    case 'control':
      return (await import('./control.ts')).openControl(context)
    case 'feed':
      return (await import('./feed.ts')).openFeed(context)
    case 'normalizer':
      return (await import('./normalizer.ts')).openNormalizer(context)
    case 'archive':
      return (await import('./archive.ts')).openArchive(context)
  }
}

const untilSignalled = (log: Logger): AbortSignal => {
  const ending = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (!ending.signal.aborted) log.info(`got ${name}: flushing and ending`)
      ending.abort(new Error(`ended by ${name}`))
    })
  }
  return ending.signal
}

/** Runs one role until SIGINT or SIGTERM; activities flush and hand over first. */
export const runRole = async (role: Role, replica: Replica): Promise<void> => {
  const config = readConfig(process.env)
  const log = createLog(role === 'feed' ? `feed-${replica}` : role, config.LOG_LEVEL)
  const stats = createStats()
  const heartbeats = createReports()
  const temporalText = await installRuntime(log)
  const signal = untilSignalled(log)
  const startedTimeMs = Date.now()
  try {
    await using http = await openProcessHttp({ role, config, log, stats, heartbeats, temporalText })
    await using resources = await openResources({ config, log, stats }, signal)
    http.watch(resources)
    using _published = publishStats(resources.redis, stats, role)
    using _used = publishUsage(resources.redis, { stats, role, readSdkMetrics: temporalText })
    using _reported = publishHeartbeats(resources.redis, heartbeats)
    await using opened = await openRole(role, { config, log, stats, resources, heartbeats, http, replica, signal })
    const worker = await Worker.create({ ...opened.options, interceptors: createTemporalMeter(stats).worker })
    http.health.readyWhile(pollingCheck(worker))
    log.info({ startMs: Date.now() - startedTimeMs }, `worker runs on task queue ${opened.options.taskQueue}`)
    await worker.runUntil(() => untilAborted(signal))
  } catch (error) {
    if (!signal.aborted) throw error
  }
  log.info('ended')
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
