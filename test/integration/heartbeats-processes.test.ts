import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { createHeartbeatActivities } from '../../src/activities/heartbeats.ts'
import { desiredKey, FEED_GROUPS_KEY, HEARTBEATS_KEY } from '../../src/domain/keys.ts'
import { createDatabase, openRedis } from '../support/services.ts'
import { openDeps } from '../support/normalizer-deps.ts'
import { until } from './feed-support.ts'
import { alertDeps, readAlerts, windowsOf } from './heartbeat-stage.ts'

const startNormalizer = (redisUrl: string, databaseUrl: string): ChildProcess =>
  spawn(process.execPath, ['--import', 'tsx', 'test/support/normalizer-child.ts', redisUrl, databaseUrl], {
    stdio: 'ignore',
  })

const kill = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

const desired = (marketId: string, state: string): string =>
  JSON.stringify({ marketId, conditionId: '', tokens: ['1', '2'], state, generation: 1 })

/** Checks until the open alerts are these, in any order. */
const untilOpen = (compare: () => Promise<unknown>, alerts: () => ReturnType<typeof readAlerts>, subjects: string[]) =>
  until(`open alerts: ${subjects.join()}`, async () => {
    await compare()
    const open = (await alerts()).filter((row) => row.recovered_at === null)
    return (
      open
        .map(({ subject }) => subject)
        .toSorted()
        .join() === subjects.join()
    )
  })

test('a killed normalizer and a dead Redis are alerts that page once and recover; paused markets are not concerned', async () => {
  await using server = await openRedis()
  await using database = await createDatabase()
  const addresses = { redisUrl: server.url, databaseUrl: database.url }
  await using clients = openDeps(addresses)
  const { redis } = clients
  const { pool } = database
  const windows = windowsOf(600_000, 4_000)
  const { compareHeartbeats } = createHeartbeatActivities(alertDeps({ redis, pool, shardCount: 1, windows }))
  const alerts = () => readAlerts(pool)
  await redis.hset(desiredKey(0), {
    '1': desired('1', 'active'),
    '2': desired('2', 'active'),
    '3': desired('3', 'paused'),
  })
  await redis.hset(FEED_GROUPS_KEY, { '1': '0', '2': '0', '3': '0' })

  let child = startNormalizer(server.url, database.url)
  await until('the shard reports', async () => (await redis.hexists(HEARTBEATS_KEY, 'normalizer:0')) === 1)
  expect(await compareHeartbeats()).toMatchObject({ open: 0 })
  await kill(child)
  await untilOpen(compareHeartbeats, alerts, ['normalizer:0'])
  expect(await alerts()).toMatchObject([{ reason: 'no_report', markets_count: 2, last_step: null }])
  expect(await compareHeartbeats()).toMatchObject({ open: 1, isTelling: true })
  expect(await compareHeartbeats()).toMatchObject({ open: 1 })
  expect(await alerts()).toMatchObject([{ last_step: 'page', steps_taken: 1 }])

  await server.kill()
  await untilOpen(compareHeartbeats, alerts, ['normalizer:0', 'redis:heartbeats'])
  await server.start()
  child = startNormalizer(server.url, database.url)
  await untilOpen(compareHeartbeats, alerts, [])
  const notices = await pool.query(
    `select subject, state from feed_alert_notices join feed_alerts using (alert_id) order by due_at, subject`,
  )
  expect(notices.rows.filter(({ subject }) => subject === 'normalizer:0').map(({ state }) => state)).toEqual([
    'raised',
    'paged',
    'recovered',
  ])
  expect((await alerts()).map(({ subject }) => subject).toSorted()).toEqual(['normalizer:0', 'redis:heartbeats'])
  await kill(child)
})
