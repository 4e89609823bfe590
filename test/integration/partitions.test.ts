import fc from 'fast-check'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { expect, test } from 'vitest'
import { checkPartitions } from '../../src/activities/partition-watch.ts'
import { createPartitionActivities } from '../../src/activities/partitions.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { readDueNotices } from '../../src/store/feed-alert-notices.ts'
import { createDatabaseIfMissing, migrate } from '../../src/store/migrate.ts'
import { dayText, ensurePartition, ensurePartitions, PARTITIONED_TABLES } from '../../src/store/partitions.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const DAY_MS = 86_400_000
const partitionsOf = async ({ pool }: TestDatabase, table: string): Promise<string[]> => {
  const sql = 'select partition from partitions where table_name = $1 order by 1'
  return (await pool.query<{ partition: string }>(sql, [table])).rows.map(({ partition }) => partition)
}
const nameOf = (table: string, epochDay: number): string => `${table}_${dayText(epochDay).replaceAll('-', '')}`
const today = (): number => Math.floor(Date.now() / DAY_MS)

test('a lock on one table holds up no partition of another, and is named', async () => {
  await using database = await createDatabase()
  const { pool } = database
  const stats = createStats()
  const activities = createPartitionActivities({
    ensurePartitions: (daysAhead) => ensurePartitions(pool, daysAhead),
    expiries: [],
    log: createLog('control', 'silent'),
    stats,
  })
  const locker = await pool.connect()
  await locker.query('begin; lock table liquidity_events in access exclusive mode')
  const day = today()
  await expect(activities.ensurePartitions({ daysAhead: 0 })).rejects.toThrow(
    `could not make liquidity_events of ${dayText(day)}: canceling statement due to lock timeout`,
  )
  expect(await partitionsOf(database, 'order_books')).toEqual([nameOf('order_books', day)])
  expect(await partitionsOf(database, 'derived_metrics')).toHaveLength(1)
  expect(stats.read()).toEqual({ partitionsFailed: 1 })
  await locker.query('rollback')
  locker.release()
  expect(await activities.ensurePartitions({ daysAhead: 0 })).toEqual([nameOf('liquidity_events', day)])
})

test('who reads or writes a table holds up no partition of it, and waits for none', async () => {
  await using database = await createDatabase()
  const { pool } = database
  await pool.query(`select ensure_partition('order_books', '2026-10-01')`)
  const busy = await pool.connect()
  await busy.query('begin; select from order_books')
  await busy.query(`insert into order_books (id, captured_at, price, size, market_id, outcome_id, side, kind)
    values (65536, '2026-10-01 12:00Z', 0.5, 1, '1', '1:0', 'bid', 'change')`)
  const maker = await pool.connect()
  await maker.query('begin')
  await maker.query(`select ensure_partition('order_books', '2026-10-02')`)
  await busy.query(`set lock_timeout = '1s'; select from order_books; update order_books set size = 2`)
  await maker.query('commit')
  await busy.query('commit')
  for (const client of [busy, maker]) client.release()
  expect(await partitionsOf(database, 'order_books')).toEqual(['order_books_20261001', 'order_books_20261002'])
})

test("a table that lacks tomorrow's partition is an alert while it cannot be made, and alerts of other kinds stay", async () => {
  await using database = await createDatabase()
  const { pool } = database
  const name = nameOf('order_books', today() + 1)
  await pool.query(`create table ${name} ()`)
  await pool.query(
    `insert into feed_alerts (kind, subject, reason, detail) values ('market_channel', 'feed:0:a', 'no_report', '')`,
  )
  const subjects = async () =>
    (await pool.query('select subject from feed_alerts where recovered_at is null order by 1')).rows
  const checked = await checkPartitions(pool, { isAgain: false })
  expect(checked.raised.map(({ problem }) => problem)).toMatchObject([
    { subject: 'partitions:order_books', reason: 'partition_missing', detail: expect.stringContaining(name) },
  ])
  await checkPartitions(pool, { isAgain: false })
  expect(await subjects()).toEqual([{ subject: 'feed:0:a' }, { subject: 'partitions:order_books' }])
  await pool.query(`drop table ${name}`)
  await checkPartitions(pool, { isAgain: false })
  expect(await subjects()).toEqual([{ subject: 'feed:0:a' }])
  expect(await readDueNotices(pool, 10)).toMatchObject([{ kind: 'partitions', state: 'raised' }])
  expect(await partitionsOf(database, 'order_books')).toContain(name)
})

/** Of sixteen at once on a busy machine one may wait longer than the product lets it: 55P03, which it tries again. */
const ensure = async (pool: pg.Pool, day: number): Promise<string[]> => {
  for (;;) {
    try {
      return await ensurePartition(pool, day)
    } catch (error) {
      if (!(error instanceof pg.DatabaseError && error.code === '55P03')) throw error
    }
  }
}

test('whatever days are asked for, in whatever time zone and by however many at once, each instant of them has one partition', async () => {
  await using database = await createDatabase()
  const zones = ['UTC', 'America/Sao_Paulo', 'Asia/Kathmandu', 'Pacific/Kiritimati']
  const pools = zones.map((zone) => new pg.Pool({ connectionString: database.url, options: `-c timezone=${zone}` }))
  const first = Date.UTC(2024, 1, 27) / DAY_MS
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 4 }), async (ahead) => {
      const days = ahead.map((count) => first + count)
      const made = await Promise.all(pools.map(async (pool) => (await Promise.all(days.map((day) => ensure(pool, day)))).flat())) // prettier-ignore
      expect(new Set(made.flat()).size).toBe(made.flat().length)
      for (const table of PARTITIONED_TABLES) {
        for (const instant of days.flatMap((day) => [day * DAY_MS, (day + 1) * DAY_MS - 1])) {
          const sql = `select from partitions where table_name = $1 and starts_at <= $2 and ends_at > $2`
          expect((await database.pool.query(sql, [table, new Date(instant)])).rowCount).toBe(1)
        }
      }
    }),
    { numRuns: 15 },
  )
  for (const pool of pools) await pool.end()
})

test('metrics that were measured before their table was partitioned are still there, and so is what describes them', async () => {
  await using database = await createDatabase()
  const source = fileURLToPath(new URL('../../migrations', import.meta.url))
  const older = mkdtempSync(join(tmpdir(), 'migrations-'))
  const address = new URL(database.url)
  address.pathname += '_older'
  for (const file of readdirSync(source).filter((name) => name < '0017')) cpSync(join(source, file), join(older, file))
  await createDatabaseIfMissing(address.href)
  await migrate(address.href, older)
  const pool = new pg.Pool({ connectionString: address.href })
  await pool.query(`insert into derived_metrics (market_id, metric_type, value, "window", measured_at)
    select '1', 'spread', n, interval '1 minute', timestamptz '2026-10-01Z' + n * interval '1 day' from generate_series(0, 40) n`)
  const read = async () => (await pool.query('select * from derived_metrics order by metric_id')).rows
  const described = `select col_description('derived_metrics'::regclass, attnum) as text from pg_attribute
    where attrelid = 'derived_metrics'::regclass and attnum > 0 union all select obj_description('derived_metrics'::regclass)`
  const before = [await read(), (await pool.query(described)).rows]
  await migrate(address.href)
  expect([await read(), (await pool.query(described)).rows]).toEqual(before)
  expect(await ensurePartition(pool, Date.UTC(2026, 10, 20) / DAY_MS)).not.toContain('derived_metrics_202611')
  expect(await ensurePartition(pool, Date.UTC(2026, 11, 1) / DAY_MS)).toContain('derived_metrics_202612')
  await pool.query(`insert into derived_metrics (market_id, metric_type, value, "window", measured_at)
    values ('1', 'spread', 1, interval '1 minute', '2026-12-01Z')`)
  const ids = (await pool.query('select count(*)::int as all, count(distinct metric_id)::int as different from derived_metrics')).rows[0] // prettier-ignore
  expect(ids).toEqual({ all: 42, different: 42 })
  await pool.end()
  rmSync(older, { recursive: true })
  await database.pool.query(`drop database ${address.pathname.slice(1)} with (force)`)
})
