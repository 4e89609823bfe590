import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAlertDeliveryActivities } from '../../src/activities/alert-delivery.ts'
import { createAlertDispatch } from '../../src/activities/alert-dispatch.ts'
import { SIGNATURE_HEADER, TIMESTAMP_HEADER, verifySignature } from '../../src/lib/webhook-signature.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { expireDeliveries } from '../../src/store/alert-deliveries.ts'
import { startDelivery } from '../../src/workers/alert-dispatcher.ts'
import { until } from '../support/normalizer-shard.ts'
import { createDatabase, openRedis, type TestDatabase, type TestRedis } from '../support/services.ts'
import { openControlPlane, type ControlPlane } from '../workflows/support/control-plane.ts'
import { openReceiver, WEBHOOK_SECRET } from './heartbeat-stage.ts'

const log = createLog('control', process.env['LOG_LEVEL'] ?? 'silent')
let database: TestDatabase
let server: TestRedis
let plane: ControlPlane
const hosts: string[] = []
beforeAll(async () => {
  ;[database, server] = await Promise.all([createDatabase(), openRedis()])
  const { pool } = database
  const given = { pool, secret: WEBHOOK_SECRET, hosts, log, stats: createStats() }
  plane = await openControlPlane(() => createAlertDeliveryActivities(given))
})
afterAll(async () => {
  await plane[Symbol.asyncDispose]()
  await server.stop()
  await server[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

/** A crossing as the normalizer commits it: of the rule, and for the webhook. */
const commit = async (alertId: number, crossing: number, url: string | null): Promise<string> => {
  const sql = `insert into alert_events (alert_id, crossing, user_id, market_id, outcome_id, condition, value, threshold,
    captured_at, triggered_at, webhook_url) values ($1, $2, 'u', '1', '1:0', 'price_above', 0.61, 0.6, now(), now(), $3)
    returning event_id`
  return (await database.pool.query<{ event_id: string }>(sql, [alertId, crossing, url])).rows[0]?.event_id ?? ''
}
const deliveryOf = async (eventId: string) =>
  (
    await database.pool.query<{ delivery: string; attempts: number; last_error: string | null }>(
      'select delivery, attempts, last_error from alert_events where event_id = $1',
      [eventId],
    )
  ).rows[0]
const ended = (eventId: string, delivery: string): Promise<void> =>
  until(`${eventId} is ${delivery}`, async () => (await deliveryOf(eventId))?.delivery === delivery)
const dispatcher = (start = startDelivery(plane.client)) => {
  const redis = server.connect()
  const dispatch = createAlertDispatch({ pool: database.pool, redis, start, log, stats: createStats() })
  return Object.assign(dispatch, { [Symbol.dispose]: () => redis.disconnect() })
}

test('a webhook that fails or hangs up is asked again with the same key and body, signed anew, until it takes it', async () => {
  await using receiver = await openReceiver([500, 0])
  using dispatch = dispatcher()
  const eventId = await commit(1, 3, receiver.url)
  await dispatch()
  await ended(eventId, 'delivered')
  expect(receiver.calls.map(({ status }) => status)).toEqual([500, 0, 200])
  expect(new Set(receiver.calls.map(({ body }) => body)).size).toBe(1)
  for (const { headers, body } of receiver.calls) {
    expect(String(headers['idempotency-key'])).toBe('alert:1:3')
    expect(JSON.parse(body)).toMatchObject({ id: 'alert:1:3', value: '0.61', threshold: '0.6', marketId: '1' })
    const [timestamp, signature] = [headers[TIMESTAMP_HEADER]?.toString(), headers[SIGNATURE_HEADER]?.toString()]
    expect(verifySignature({ timestamp, signature, body }, WEBHOOK_SECRET, Date.now())).toEqual({ type: 'accepted' })
  }
  expect(await deliveryOf(eventId)).toMatchObject({ attempts: 3 })
})

test('one that refuses for good is given up at once, and so is a host that the operator does not allow', async () => {
  await using receiver = await openReceiver([403])
  using dispatch = dispatcher()
  const refused = await commit(2, 1, receiver.url)
  await dispatch()
  await ended(refused, 'given_up')
  expect(await deliveryOf(refused)).toMatchObject({
    attempts: 1,
    last_error: 'expected the webhook to answer 2xx, got 403',
  })
  hosts.push('hooks.example.org')
  const barred = await commit(2, 2, receiver.url)
  await dispatch()
  await ended(barred, 'given_up')
  hosts.pop()
  expect((await deliveryOf(barred))?.last_error).toContain('ALERT_WEBHOOK_HOSTS does not name 127.0.0.1')
  expect(receiver.calls).toHaveLength(1)
})

test('a dispatcher that is killed at any point leaves a crossing that the next one delivers, once', async () => {
  await using receiver = await openReceiver([])
  const before = await commit(3, 1, receiver.url)
  const between = await commit(3, 2, receiver.url)
  {
    using killed = dispatcher(async (eventId) => {
      if (eventId === between) await startDelivery(plane.client)(eventId)
      throw new Error('killed before it could note what it did')
    })
    await expect(killed()).rejects.toThrow('killed')
  }
  await ended(between, 'delivered')
  expect(await deliveryOf(before)).toMatchObject({ delivery: 'pending' })
  using dispatch = dispatcher()
  await Promise.all([dispatch(), dispatch()])
  await ended(before, 'delivered')
  await dispatch()
  const keys = receiver.calls.map(({ headers }) => String(headers['idempotency-key']))
  expect(new Set(keys)).toEqual(new Set(['alert:3:1', 'alert:3:2']))
  expect(keys).toHaveLength(2)
})

test('many at once start a few workflows a round, and a dead webhook holds up no other one', async () => {
  await using receiver = await openReceiver([])
  const dead = 'http://127.0.0.1:9/dead'
  for (let crossing = 1; crossing <= 120; crossing++) await commit(4, crossing, dead)
  const alive = await commit(5, 1, receiver.url)
  const started: string[] = []
  using dispatch = dispatcher(async (eventId) => {
    started.push(eventId)
    if (eventId === alive) await startDelivery(plane.client)(eventId)
  })
  const counts: number[] = []
  for (let isMore = true; isMore; counts.push(started.length)) isMore = await dispatch()
  expect(counts).toEqual([10, 20, 30, 40, 50, 51])
  await ended(alive, 'delivered')
  await database.pool.query(`update alert_events set recorded_at = now() - interval '61 minutes' where alert_id = 4`)
  expect(await expireDeliveries(database.pool)).toBe(70)
})

test('without a webhook a crossing is delivered by log and channel; what nobody told of is told there', async () => {
  using dispatch = dispatcher(() => Promise.reject(new Error('no workflow is needed')))
  const redis = server.connect()
  const heard: string[] = []
  redis.on('message', (_, text: string) => heard.push(text))
  await redis.subscribe('alerts')
  const [fresh, untold] = [await commit(6, 1, null), await commit(6, 2, null)]
  await database.pool.query(`update alert_events set recorded_at = now() - interval '3 s' where event_id = $1`, [
    untold,
  ])
  await dispatch()
  await until('it is told', () => heard.length > 0)
  redis.disconnect()
  expect(heard.map((text) => (JSON.parse(text) as { id: string }).id)).toEqual(['alert:6:2'])
  expect([await deliveryOf(fresh), await deliveryOf(untold)]).toMatchObject([
    { delivery: 'delivered' },
    { delivery: 'delivered' },
  ])
})
