import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FEED_GROUPS_KEY } from '../../src/domain/keys.ts'
import { SIGNATURE_HEADER, TIMESTAMP_HEADER, verifySignature } from '../../src/lib/webhook-signature.ts'
import { publishHeartbeats } from '../../src/workers/heartbeat-publisher.ts'
import { createDatabase } from '../support/services.ts'
import type { ControlPlane } from '../workflows/support/control-plane.ts'
import { openApplied } from './feed-applied.ts'
import { openBench, until, type Bench } from './feed-support.ts'
import { alertDeps, openAlertPlane, openReceiver, readAlerts, WEBHOOK_SECRET, windowsOf } from './heartbeat-stage.ts'

const WINDOW_MS = 3_000

const opened: (Disposable | AsyncDisposable)[] = []
const keep = <T extends Disposable | AsyncDisposable>(one: T): T => {
  opened.unshift(one)
  return one
}
let bench: Bench
let plane: ControlPlane
let receiver: Awaited<ReturnType<typeof openReceiver>>
let database: Awaited<ReturnType<typeof createDatabase>>

beforeAll(async () => {
  bench = keep(await openBench({ marketCount: 4, rate: 80 }, { LIVENESS_EVERY_MS: '1000' }))
  database = keep(await createDatabase())
  receiver = keep(await openReceiver([500, 500]))
  const { redis } = bench
  const windows = windowsOf(WINDOW_MS, WINDOW_MS)
  plane = keep(await openAlertPlane(alertDeps({ redis, pool: database.pool, shardCount: 0, windows }), receiver.url))
  bench.deps.heartbeats.follow(() => bench.feed.heartbeats('0:a'))
  keep(publishHeartbeats(redis, bench.deps.heartbeats))
  keep(openApplied(bench))
  await redis.hset(FEED_GROUPS_KEY, Object.fromEntries(bench.marketIds.map((marketId) => [marketId, '0'])))
  for (const marketId of bench.marketIds) await plane.startMarket(marketId)
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
})
afterAll(async () => {
  for (const one of opened) {
    if (Symbol.asyncDispose in one) await one[Symbol.asyncDispose]()
    else one[Symbol.dispose]()
  }
})

const check = async (): Promise<{ open: number }> => {
  const options = { taskQueue: 'control', workflowId: 'checkHeartbeats', args: [] }
  return (await plane.client.workflow.start('checkHeartbeats', options)).result()
}

/** Reports are a second old, a step needs another to show, and four steps without success are a page. */
const CHECK_EVERY_MS = 5_000

/** Checks until the condition holds. */
const checkUntil = async (
  what: string,
  holds: (open: number) => Promise<boolean> | boolean,
  everyMs = CHECK_EVERY_MS,
): Promise<void> => {
  let timeMs = 0
  await until(
    what,
    async () => {
      if (Date.now() - timeMs < everyMs) return false
      timeMs = Date.now()
      return holds((await check()).open)
    },
    60_000,
  )
}

const toldOf = async (marketId: string): Promise<unknown[]> => {
  const { events } = await plane.client.workflow.getHandle(`market:${marketId}`).fetchHistory()
  const signals = (events ?? []).flatMap((event) => event.workflowExecutionSignaledEventAttributes ?? [])
  const alerts = signals.filter(({ signalName }) => signalName === 'feedAlert')
  return alerts.map(({ input }) => JSON.parse(Buffer.from(input?.payloads?.[0]?.data ?? []).toString()))
}

const bodies = () => receiver.calls.filter(({ status }) => status === 200).map(({ body }) => JSON.parse(body))

test('a venue on which nothing happens raises nothing, however long', async () => {
  bench.emulator.pause()
  await sleep(WINDOW_MS + 2_500)
  expect(await check()).toMatchObject({ open: 0 })
  bench.emulator.resume()
  await sleep(1_500)
  expect(await check()).toMatchObject({ open: 0 })
  expect(await readAlerts(database.pool)).toEqual([])
})

test('a connection that brings nothing while REST moves on is an alert in time, told once, and over when frames come', async () => {
  const tokens = bench.emulator.catalogue.markets.flatMap((market) => market.tokens.map(({ token }) => token))
  const mutedTimeMs = Date.now()
  // The feed opens another socket by itself, which brings frames: where no check came before that, it is muted too.
  const isRaised = (open: number): boolean => {
    if (open === 0) for (const token of tokens) bench.emulator.mute(token, true)
    return open === 1
  }
  isRaised(0)
  await checkUntil('an alert', isRaised, 500)
  const [raised] = await readAlerts(database.pool)
  expect(raised).toMatchObject({ subject: 'connection:0:a:0', reason: 'silent', last_step: 'resync' })
  expect(raised?.markets_count).toBeGreaterThan(0)
  const raisedMs = (raised?.raised_at.getTime() ?? Infinity) - mutedTimeMs
  console.log(`a silent connection was an alert after ${raisedMs} ms`)
  expect(raisedMs).toBeLessThan(WINDOW_MS + 15_000)

  await checkUntil('the recovery', (open) => open === 0)
  await checkUntil('both notices', () => bodies().length >= 2)
  await sleep(1_500)
  const [recovered, ...others] = await readAlerts(database.pool)
  expect(others).toEqual([])
  expect(recovered?.recovered_at).not.toBeNull()

  const id = raised?.alert_id
  expect(receiver.calls.map(({ status }) => status)).toEqual([500, 500, 200, 200])
  expect(bodies()).toMatchObject([
    { id: `feedAlert:${id}:raised`, severity: 'warning', reason: 'silent', recoveredAt: null },
    { id: `feedAlert:${id}:recovered`, severity: 'info' },
  ])
  expect(new Set(receiver.calls.slice(0, 3).map(({ body }) => body)).size).toBe(1)
  for (const { headers, body } of receiver.calls) {
    const timestamp = headers[TIMESTAMP_HEADER]?.toString()
    const signature = headers[SIGNATURE_HEADER]?.toString()
    expect(verifySignature({ timestamp, signature, body }, WEBHOOK_SECRET, Date.now())).toEqual({ type: 'accepted' })
    expect(headers['idempotency-key']).toBe(JSON.parse(body).id)
  }
  await checkUntil('every market is told', async () => {
    const sql = `select from feed_alert_markets where told_raised_at is null or told_recovered_at is null`
    return (await database.pool.query(sql)).rowCount === 0
  })
  const concerned = await database.pool.query<{ market_id: string }>('select market_id from feed_alert_markets')
  for (const { market_id: marketId } of concerned.rows) {
    expect(await toldOf(marketId)).toMatchObject([
      { alertId: id, state: 'raised', reason: 'silent', atTimeMs: expect.any(Number) },
      { alertId: id, state: 'recovered' },
    ])
  }
})

test('a table without a partition for tomorrow is told as any alert is, once it is missing and once it is there', async () => {
  const { pool } = database
  const day = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)
  const name = `order_books_${day.replaceAll('-', '')}`
  await pool.query(`drop table if exists ${name}`)
  await pool.query(`create table ${name} ()`)
  const told = () => bodies().flatMap(({ subject, state }) => (subject === 'partitions:order_books' ? [state] : []))
  await checkUntil('the alert is told', () => told().includes('raised'))
  expect(bodies().at(-1)).toMatchObject({
    kind: 'partitions',
    detail: expect.stringContaining(`no partition for ${day}`),
  })
  await pool.query(`drop table ${name}`)
  await checkUntil('its end is told', () => told().at(-1) === 'recovered')
})
