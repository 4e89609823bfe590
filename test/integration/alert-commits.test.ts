import { expect, test } from 'vitest'
import { createAlertCare } from '../../src/activities/alert-care.ts'
import type { AlertRow } from '../../src/alerts/journal.ts'
import { createAlerts } from '../../src/activities/normalizer-alerts.ts'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'
import { createCommitter } from '../../src/store/commit.ts'
import { takeOwnership } from '../../src/store/fence.ts'
import { openOffsets } from '../../src/store/offsets.ts'
import { offsetBatch } from '../support/offset-batch.ts'
import { createAlertTables } from '../support/alert-tables.ts'
import { openDeps } from '../support/normalizer-deps.ts'
import { newTape } from '../support/normalizer-tape.ts'
import { until } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, addresses } = await openStores()
const { pool } = database
const { write, ruleOf } = createAlertTables(pool)
const { signal } = new AbortController()

const batchOf = (expected: string, lastId: string, revision: number): Batch =>
  offsetBatch({ stream: 'orderbook:31', expected, lastId, revision })
const crossingOf = (crossing: number): AlertRow => ({
  alertId: '31',
  crossing,
  userId: 'u',
  marketId: '31',
  outcomeId: '31:0',
  condition: 'price_above',
  value: '0.6',
  threshold: '0.5',
  exchangeTimeMs: undefined,
  capturedTimeMs: 1_790_000_000_000,
  triggeredTimeMs: 1_790_000_000_000,
  cause: undefined,
  webhookUrl: undefined,
})

test('crossings that a tick alone fired, however many, outlive a commit that broke off', async () => {
  const owner = await takeOwnership(pool, 31, 'a test')
  const stats = createStats()
  const commit = createCommitter({ pool, owner, stats, log: createLog('normalizer', 'silent'), config: readConfig({}) })
  await openOffsets(pool, ['orderbook:31'])
  await commit(batchOf('0-0', '1-0', 1), signal)
  const ticked = batchOf('1-0', '1-0', 2)
  ticked.alertEvents = Array.from({ length: 5_001 }, (_one, at) => crossingOf(at + 1))
  const locker = await pool.connect()
  await locker.query('begin; lock table alert_events in access exclusive mode')
  const committing = commit(ticked, signal)
  const broken = `select pg_terminate_backend(pid) from pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database()`
  await until('the commit is broken off', async () => ((await pool.query(broken)).rowCount ?? 0) > 0)
  await locker.query('rollback')
  locker.release()
  await committing
  expect(stats.read()['commitRetries']).toBe(1)
  const { rows } = await pool.query('select count(*)::int, max(crossing) from alert_events where alert_id = 31')
  expect(rows).toEqual([{ count: 5_001, max: 5_001 }])
})

test('of a rule on a market that a normalizer has open nobody says that it is not recorded', async () => {
  const alertId = await write({ market_id: '31', condition: 'price_above', threshold: '0.5' })
  await pool.query(`update alerts set changed_at = now() - interval '6 s' where alert_id = $1`, [alertId])
  const care = createAlertCare({ pool, stats: createStats() })
  await care()
  expect(await ruleOf(alertId)).toMatchObject({ is_checked: false, invalid_reason: null })
  await pool.query(`update ingestion_offsets set progress = '{"isClosed": true}' where stream = 'orderbook:31'`)
  await care()
  expect((await ruleOf(alertId))?.invalid_reason).toBe('market 31 is unknown: nothing evaluates the rule')
})

test('a rule that is written again as it is keeps what was said of it; any other change is news', async () => {
  const alertId = await write({ market_id: '31', condition: 'price_above', threshold: '0.5' })
  const readXid = async () =>
    (await pool.query<{ xid: string }>('select changed_xid as xid from alerts where alert_id = $1', [alertId])).rows[0]
  const before = await readXid()
  await pool.query('update alerts set threshold = 0.50, side = null where alert_id = $1', [alertId])
  expect(await readXid()).toEqual(before)
  await pool.query(`update alerts set side = 'bid' where alert_id = $1`, [alertId])
  expect(await readXid()).not.toEqual(before)
})

test('a rule that is deleted between the look at written ones and the look at deleted ones is gone', async () => {
  await using deps = openDeps(addresses)
  const alertId = await write({ market_id: '9', condition: 'price_above', threshold: '0.5' })
  const { pool: real } = deps
  let lookCount = 0
  const query = async (sql: string, values: unknown[]) => {
    if (sql.includes('from alert_removals') && ++lookCount === 1) {
      await real.query('delete from alerts where alert_id = $1', [alertId])
    }
    return real.query(sql, values)
  }
  const alerts = createAlerts({ ...deps, pool: Object.create(real, { query: { value: query } }) as typeof real })
  await alerts.open([newTape()])
  await pool.query(`update alerts set threshold = 0.6 where alert_id = $1`, [alertId])
  const batch = newBatch()
  let nowMs = Date.now()
  await until('the rule is gone', () => {
    alerts.tick({ nowMs: (nowMs += 1_000), isBehind: false, batch })
    return deps.stats.read()['alertRules'] === 0
  })
  expect(lookCount, 'by that very look').toBe(1)
})
