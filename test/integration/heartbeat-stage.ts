import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type pg from 'pg'
import { createTellingActivities } from '../../src/activities/alert-telling.ts'
import { createHeartbeatActivities, type HeartbeatDeps } from '../../src/activities/heartbeats.ts'
import { createNoticeActivities } from '../../src/activities/notices.ts'
import type { Windows } from '../../src/heartbeats/silence.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { signalMarket } from '../../src/workers/market-runs.ts'
import { openControlPlane, type ControlPlane } from '../workflows/support/control-plane.ts'

export const WEBHOOK_SECRET = 'the secret of the receiver'

type Call = { headers: IncomingHttpHeaders; body: string; status: number }

/** Takes webhooks; the first calls are answered with these statuses (0: with nothing), the others with 200. */
export const openReceiver = async (statuses: number[]): Promise<AsyncDisposable & { url: string; calls: Call[] }> => {
  const calls: Call[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const status = statuses.shift() ?? 200
      calls.push({ headers: request.headers, body, status })
      if (status === 0) request.socket.destroy()
      else response.writeHead(status).end()
    })
  })
  // A caller that stood still for a moment would ask on a socket that was closed just then.
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/alerts`,
    calls,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export const windowsOf = (marketChannelMs: number, others: number): Windows => ({
  market_channel: marketChannelMs,
  normalizer: others,
  catalog: others,
  liveness: 60_000,
  redis: others,
  trades: others,
})

type Given = Pick<HeartbeatDeps, 'redis' | 'pool' | 'shardCount' | 'windows'>

export const alertDeps = (given: Given): HeartbeatDeps => ({
  ...given,
  isCatalogueDue: async () => false,
  watchCosts: async () => ({ raised: [], kept: [], recovered: [] }),
  isPolling: false,
  isAgain: () => false,
  log: createLog('control', process.env['LOG_LEVEL'] ?? 'silent'),
  stats: createStats(),
})

/** The workflows of alerts with their real activities on a real Temporal. */
export const openAlertPlane = (deps: HeartbeatDeps, webhookUrl: string): Promise<ControlPlane> =>
  openControlPlane((client) => ({
    ...createHeartbeatActivities(deps),
    ...createTellingActivities({
      pool: deps.pool,
      signal: (marketId, alert) => signalMarket(client, marketId, 'feedAlert', [alert]),
      stats: deps.stats,
    }),
    ...createNoticeActivities({ ...deps, webhook: { url: webhookUrl, secret: WEBHOOK_SECRET } }),
  }))

export type AlertRow = {
  alert_id: string
  subject: string
  reason: string
  raised_at: Date
  recovered_at: Date | null
  last_step: string | null
  steps_taken: number
  markets_count: number
}

export const readAlerts = async (pool: pg.Pool): Promise<AlertRow[]> =>
  (await pool.query<AlertRow>('select * from feed_alerts order by alert_id')).rows
