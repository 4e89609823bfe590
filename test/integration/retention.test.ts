import { MockActivityEnvironment } from '@temporalio/testing'
import { expect, test } from 'vitest'
import { createPartitionActivities } from '../../src/activities/partitions.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { createExpiries, type RetentionDays } from '../../src/store/retention.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const KEPT: RetentionDays = {
  dead_letters: 0,
  alert_events: 0,
  feed_alerts: 0,
  feed_gaps: 0,
  market_changes: 0,
  derived_metrics: 0,
  liquidity_events: 0,
}

const nothing = (): void => undefined
const SILENT = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }

const expire = ({ pool }: TestDatabase, days: Partial<RetentionDays>): Promise<Record<string, number>> => {
  const { expireRows } = createPartitionActivities({
    ensurePartitions: async () => ({ made: [], failed: [] }),
    expiries: createExpiries(pool, { ...KEPT, ...days }),
    log: createLog('control', 'silent'),
    stats: createStats(),
  })
  return new MockActivityEnvironment({}, { logger: SILENT }).run(expireRows)
}

/** Half of the rows are 40 days old, half 20. */
const fill = async ({ pool }: TestDatabase, count: number): Promise<void> => {
  await pool.query(
    `insert into dead_letters (stream, entry_id, ordinal, reason, detail, raw, first_seen_at)
    select 's', n::text, n, 'r', '', '', now() - case when n % 2 = 0 then interval '40 days' else interval '20 days' end
    from generate_series(1, $1) n`,
    [count],
  )
}

const countOf = async ({ pool }: TestDatabase, table: string): Promise<number> =>
  (await pool.query(`select from ${table}`)).rowCount ?? 0

test('what is older than it is kept goes, however many rows it is, what is younger stays, and 0 days keep all', async () => {
  await using database = await createDatabase()
  await fill(database, 24_000)
  expect(await expire(database, {})).toEqual({})
  expect(await expire(database, { dead_letters: 30 })).toEqual({ dead_letters: 12_000 })
  expect(await expire(database, { dead_letters: 30 })).toEqual({})
  const { rows } = await database.pool.query('select distinct ordinal % 2 as half from dead_letters')
  expect(rows).toEqual([{ half: '1' }])
})

test('what is still under way stays, however old it is', async () => {
  await using database = await createDatabase()
  const { pool } = database
  const ago = (days: number): string => `now() - interval '${days} days'`
  await pool.query(`
    insert into feed_gaps (market_id, outcome_id, opened_at, detected_at, closed_at, reason, last_good_sequence, gap_sequence, detail)
    values ('1', '1:0', ${ago(50)}, ${ago(50)}, ${ago(49)}, 'r', 1, 2, ''), ('1', '1:0', ${ago(50)}, ${ago(50)}, null, 'r', 1, 3, ''),
      ('1', '1:0', ${ago(50)}, ${ago(50)}, ${ago(1)}, 'r', 1, 4, '')`)
  await pool.query(`
    insert into feed_alerts (kind, subject, reason, detail, raised_at, recovered_at)
    values ('redis', 'over', 'r', '', ${ago(50)}, ${ago(49)}), ('redis', 'open', 'r', '', ${ago(50)}, null)`)
  await pool.query(`
    insert into market_changes (market_id, valid_from, valid_to, source)
    values ('1', ${ago(60)}, ${ago(50)}, 'gamma'), ('1', ${ago(50)}, null, 'gamma')`)
  await pool.query(`
    insert into alert_events (alert_id, crossing, user_id, market_id, condition, captured_at, triggered_at, recorded_at, delivery)
    select 1, n, 'u', '1', 'price_above', ${ago(50)}, ${ago(50)}, ${ago(50)}, (array['pending', 'started', 'delivered', 'given_up'])[n]
    from generate_series(1, 4) n`)
  const days = { feed_gaps: 30, feed_alerts: 30, market_changes: 30, alert_events: 30 }
  expect(await expire(database, days)).toEqual({ feed_gaps: 1, feed_alerts: 1, market_changes: 1, alert_events: 2 })
  expect((await pool.query('select gap_sequence from feed_gaps order by 1')).rows).toEqual([
    { gap_sequence: '3' },
    { gap_sequence: '4' },
  ])
  expect((await pool.query('select subject from feed_alerts')).rows).toEqual([{ subject: 'open' }])
  expect((await pool.query('select valid_to from market_changes')).rows).toEqual([{ valid_to: null }])
})

test('partitions go whole, once their last row is too old, and not where the archive has sealed them', async () => {
  await using database = await createDatabase()
  const { pool } = database
  await pool.query(`select ensure_partition('liquidity_events', (now() at time zone 'UTC')::date - n),
    ensure_partition('derived_metrics', (now() at time zone 'UTC')::date - n * 31) from generate_series(0, 5) n`)
  await pool.query(`select seal_partition('liquidity_events', (now() at time zone 'UTC')::date - 4)`)
  const months = await countOf(database, `partitions where table_name = 'derived_metrics'`)
  const expired = await expire(database, { liquidity_events: 2, derived_metrics: 62 })
  expect(expired['liquidity_events']).toBe(2)
  const left = `select (now() at time zone 'UTC')::date - (starts_at at time zone 'UTC')::date as days from partitions
    where table_name = 'liquidity_events' order by 1`
  expect((await pool.query<{ days: number }>(left)).rows.map(({ days }) => days)).toEqual([0, 1, 2, 4])
  const old = `partitions where table_name = 'derived_metrics' and ends_at <= now() - interval '62 days'`
  expect(await countOf(database, old)).toBe(0)
  expect(await countOf(database, `partitions where table_name = 'derived_metrics'`)).toBe(
    months - (expired['derived_metrics'] ?? 0),
  )
  expect(expired['derived_metrics']).toBeGreaterThan(1)
})

test('a table that is locked loses nothing, is named, and holds up no other', async () => {
  await using database = await createDatabase()
  const { pool } = database
  await fill(database, 10)
  await pool.query(`insert into feed_alerts (kind, subject, reason, detail, raised_at, recovered_at)
    values ('redis', 'over', 'r', '', now() - interval '50 days', now() - interval '49 days')`)
  const locker = await pool.connect()
  await locker.query('begin; lock table dead_letters in access exclusive mode')
  await expect(expire(database, { dead_letters: 30, feed_alerts: 30 })).rejects.toThrow(
    'could not from dead_letters: canceling statement due to lock timeout',
  )
  await locker.query('rollback')
  locker.release()
  expect([await countOf(database, 'dead_letters'), await countOf(database, 'feed_alerts')]).toEqual([10, 0])
})
