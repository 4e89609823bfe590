import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MockActivityEnvironment } from '@temporalio/testing'
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

test('many at once start a few workflows a round, and a dead host holds up no other, whatever URLs it has', async () => {
  await using receiver = await openReceiver([])
  for (let crossing = 1; crossing <= 120; crossing++) await commit(4, crossing, `http://Dead.example:9/${crossing}`)
  const alive = await commit(5, 1, receiver.url)
  const started: string[] = []
  using dispatch = dispatcher(async (eventId) => {
    started.push(eventId)
    if (eventId === alive) await startDelivery(plane.client)(eventId)
  })
  const counts: number[] = []
  for (let isMore = true; isMore; counts.push(started.length)) isMore = await dispatch()
  expect(counts).toEqual([10, 20, 21])
  await ended(alive, 'delivered')
  await database.pool.query(`update alert_events set recorded_at = now() - interval '61 minutes' where alert_id = 4`)
  expect(await expireDeliveries(database.pool)).toBe(100)
})

test('a longest URL is delivered to, and a longer one cannot be written', async () => {
  await using receiver = await openReceiver([])
  using dispatch = dispatcher()
  const noise = randomBytes(3_000).toString('hex')
  const longest = `${receiver.url}/${noise}`.slice(0, 2_000)
  const eventId = await commit(7, 1, longest)
  await dispatch()
  await ended(eventId, 'delivered')
  const rule = `insert into alerts (user_id, market_id, condition, webhook_url) values ('u', '1', 'resolved', $1)`
  await database.pool.query(rule, [longest])
  await expect(database.pool.query(rule, [`${longest}x`])).rejects.toThrow('alerts_lengths')
})

test('a crossing that cannot be started, or whose row an operator holds, ends no round for the others', async () => {
  await using receiver = await openReceiver([])
  const [bad, held, good] = [
    await commit(8, 1, receiver.url),
    await commit(8, 2, receiver.url),
    await commit(8, 3, receiver.url),
  ]
  const operator = await database.pool.connect()
  try {
    await operator.query('begin')
    await operator.query('select from alert_events where event_id = $1 for update', [held])
    using dispatch = dispatcher((eventId) =>
      eventId === bad ? Promise.reject(new Error('refused')) : startDelivery(plane.client)(eventId),
    )
    await dispatch()
    await ended(good, 'delivered')
    expect(await deliveryOf(held)).toMatchObject({ delivery: 'pending' })
  } finally {
    await operator.query('rollback')
    operator.release()
  }
  using dispatch = dispatcher()
  await dispatch()
  await Promise.all([ended(bad, 'delivered'), ended(held, 'delivered')])
})

test('a crossing whose workflow ends before it is noted as started is told all the same', async () => {
  await using receiver = await openReceiver([])
  const redis = server.connect()
  const heard: string[] = []
  redis.on('message', (_, text: string) => heard.push(text))
  await redis.subscribe('alerts')
  const eventId = await commit(9, 1, receiver.url)
  await database.pool.query(`update alert_events set recorded_at = now() - interval '3 s' where event_id = $1`, [
    eventId,
  ])
  using dispatch = dispatcher(async (started) => {
    await startDelivery(plane.client)(started)
    await ended(started, 'delivered')
  })
  await dispatch()
  await until('it is told', () => heard.some((text) => text.includes('alert:9:1')))
  redis.disconnect()
  expect(await deliveryOf(eventId)).toMatchObject({ delivery: 'delivered' })
})

test('webhooks that hang take a bounded part of what control runs at once', async () => {
  let open = 0
  const hanging = createServer(() => (open += 1))
  hanging.listen(0, '127.0.0.1')
  await once(hanging, 'listening')
  const url = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}/`
  const { pool } = database
  const { postAlert } = createAlertDeliveryActivities({
    pool,
    secret: WEBHOOK_SECRET,
    hosts,
    log,
    stats: createStats(),
  })
  const ids = await Promise.all(Array.from({ length: 61 }, (_one, at) => commit(10, at + 1, url)))
  const ask = (eventId: string): Promise<void> => new MockActivityEnvironment().run(postAlert, { eventId })
  const [late = '', ...first] = ids
  const asked = first.map(ask)
  await until('sixty are being posted', () => open === 60)
  await expect(ask(late)).rejects.toThrow('60 webhooks')
  expect(await deliveryOf(late)).toMatchObject({ attempts: 0 })
  hanging.closeAllConnections()
  await Promise.allSettled(asked)
  hanging.close()
  await pool.query(`update alert_events set delivery = 'given_up' where alert_id = 10`)
})

test('without a webhook a crossing is delivered by log and channel; what nobody told of is told there', async () => {
  using dispatch = dispatcher(() => Promise.reject(new Error('no workflow is needed')))
  const redis = server.connect()
  const heard: string[] = []
  redis.on('message', (_, text: string) => heard.push(text))
  await redis.subscribe('alerts')
  const [fresh, untold] = [await commit(6, 1, null), await commit(6, 2, null)]
  const aged = 'update alert_events set recorded_at = now() + make_interval(secs => $2) where event_id = $1'
  for (const [eventId, seconds] of [[fresh, 3_600], [untold, -3]]) await database.pool.query(aged, [eventId, seconds]) // prettier-ignore
  await dispatch()
  const last = server.connect()
  await last.publish('alerts', '{"id":"the last one"}')
  await until('all is heard', () => heard.some((text) => text.includes('the last one')))
  for (const one of [redis, last]) one.disconnect()
  expect(heard.map((text) => (JSON.parse(text) as { id: string }).id)).toEqual(['alert:6:2', 'the last one'])
  expect([await deliveryOf(fresh), await deliveryOf(untold)]).toMatchObject([
    { delivery: 'delivered' },
    { delivery: 'delivered' },
  ])
})
