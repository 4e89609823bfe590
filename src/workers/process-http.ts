import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Config } from '../config.ts'
import type { Reports } from '../heartbeats/reporter.ts'
import { createHealth, type Check, type Health } from '../http/health.ts'
import { metricsRoute } from '../http/metrics-route.ts'
import { openHttpServer, type Route } from '../http/server.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { createPage, METRICS_CONTENT_TYPE } from '../metrics/page.ts'
import type { Role } from '../metrics/row.ts'
import { loopCheck, serverChecks, workCheck } from './health-checks.ts'
import type { Resources } from './resources.ts'
import { writeTarget } from './target-file.ts'

/** What this process answers by HTTP: `/metrics`, `/healthz`, `/readyz`, and routes that its role adds. */
export type ProcessHttp = AsyncDisposable & {
  health: Health
  addRoute: (route: Route) => void
  /** From now on it is ready while these servers answer. */
  watch: (resources: Resources) => void
}

type Deps = {
  role: Role
  config: Config
  log: Logger
  stats: Stats
  heartbeats: Reports
  /** Metrics of the Temporal SDK. */
  temporalText: () => Promise<string>
}

const portOf = (role: Role, config: Config): number => {
  switch (role) {
    case 'control':
      return config.HTTP_PORT
    case 'feed':
      return config.HTTP_PORT_FEED
    case 'normalizer':
      return config.HTTP_PORT_NORMALIZER
    case 'archive':
      return config.HTTP_PORT_ARCHIVE
  }
}

const LOOP_RESOLUTION_MS = 20
const NS_A_MS = 1_000_000

/** What is late of a timer; anew at each look. */
const followEventLoop = (stats: Stats): void => {
  const delays = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  delays.enable()
  stats.follow(() => {
    const lateMs = delays.count === 0 ? 0 : Math.max(0, delays.percentile(99) / NS_A_MS - LOOP_RESOLUTION_MS)
    delays.reset()
    return [['eventLoopLagMs', lateMs]]
  })
}

const STARTING: Check = {
  name: 'start',
  look: () => ({ isOk: false, says: 'waits for Redis, Postgres and Temporal; the log says for which' }),
}

/** Open before anything else is: a process that waits for its servers says so. */
export const openProcessHttp = async (deps: Deps): Promise<ProcessHttp> => {
  const { role, config, log, stats, heartbeats, temporalText } = deps
  const health = createHealth()
  let servers: Check[] = []
  health.aliveWhile(loopCheck(heartbeats, () => servers))
  const started = health.readyWhile(STARTING)
  health.readyWhile(workCheck(heartbeats, config))
  followEventLoop(stats)
  const page = createPage({ role, stats, more: temporalText })
  const routes = [metricsRoute(page, METRICS_CONTENT_TYPE), ...health.routes]
  const server = await openHttpServer({ host: config.HTTP_HOST, port: portOf(role, config), routes, log })
  const target = writeTarget({ stateDir: config.POLYTAPE_STATE_DIR, role, url: server.url, log })
  log.info(`HTTP at ${server.url} (/metrics, /healthz, /readyz)`)
  return {
    health,
    addRoute: (route) => void routes.push(route),
    watch: (resources) => {
      servers = serverChecks(resources)
      for (const check of servers) health.readyWhile(check)
      started()
    },
    [Symbol.asyncDispose]: async () => {
      target[Symbol.dispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
