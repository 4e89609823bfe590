import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from '../../src/local/run-command.ts'
import { withDayLocked } from '../../src/store/day-lock.ts'
import { migrate } from '../../src/store/migrate.ts'
import { openPgbouncer, whyNoPgbouncer, type TestPgbouncer } from '../support/pgbouncer.ts'
import { expectRecorded, openRecording, readGaps, type Recording } from '../support/recording.ts'
import { MANAGED_PASSWORD, openManagedRedis, type ManagedRedis } from '../support/redis-tls.ts'
import { openPostgres, type TestPostgres } from '../support/services.ts'

/**
 * The whole product on what managed services are like: a Redis behind TLS and a password that lets no command wait, and a
 * Postgres behind a pooler in transaction mode, as the roles' only address of it.
 */
const MARKETS = 10
const FLOW_MS = 2_000

const opened: AsyncDisposable[] = []
let redis: ManagedRedis
let postgres: TestPostgres
let pooler: TestPgbouncer
let recording: Recording

const noPgbouncer = await whyNoPgbouncer()

describe.skipIf(noPgbouncer)('over TLS, without BLOCK, through a pooler in transaction mode', () => {
  beforeAll(async () => {
    redis = await openManagedRedis()
    opened.push(redis)
    postgres = await openPostgres()
    opened.push(postgres)
    pooler = await openPgbouncer(postgres.url)
    opened.push(pooler)
    const env = { REDIS_URL: redis.url, DATABASE_URL: pooler.url, NODE_EXTRA_CA_CERTS: redis.caPath }
    recording = await openRecording({ markets: MARKETS, rate: 200, env })
    opened.push(recording)
  })

  afterAll(async () => {
    for (const one of opened.toReversed()) await one[Symbol.asyncDispose]()
  })

  const logOf = (name: string): string => readFileSync(recording.system.folder.state.logPath(name), 'utf8')

  test('all is recorded, also across a compute that ends its connections', async () => {
    const direct = new pg.Client({ connectionString: postgres.url })
    await direct.connect()
    const look = redis.connect()
    await sleep(FLOW_MS)
    await direct.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`)
    await sleep(FLOW_MS)
    await expectRecorded({ ...recording, system: { redis: () => look } })
    expect(await readGaps(recording.pool)).toEqual([])
    expect((await recording.pool.query('select reason, detail from dead_letters')).rows).toEqual([])
    look.disconnect()
    await direct.end()
  })

  /** As an operator runs it, who tells the authority of the Redis by the environment. */
  const polytape = (args: string[], more: NodeJS.ProcessEnv = {}) => {
    const { folder } = recording.system
    const own = { POLYTAPE_STATE_DIR: folder.state.root, NODE_EXTRA_CA_CERTS: redis.caPath, ...more }
    const options = { timeoutMs: 120_000, env: { ...process.env, ...own } }
    return runCommand(process.execPath, ['scripts/run.mjs', 'src/cli/polytape.ts', ...args], options)
  }

  test('the doctor finds nothing that fails, and says what is different', async () => {
    const { venue, system } = recording
    const { code, output } = await polytape(['doctor'], {
      ...venue.env,
      TEMPORAL_ADDRESS: system.run().temporalAddress,
      DATABASE_POOLED_URL: pooler.url,
    })
    expect(code, output).toBe(0)
    expect(output).toMatch(/redis +TLS +ok +encrypted, and its certificate holds/)
    expect(output).toMatch(/redis +BLOCK +warn +commands may not wait/)
    expect(output).toMatch(/postgres +route +warn +by a pooler in transaction mode: two connections were served by one/)
    expect(output).toMatch(/postgres +pooled +ok .*the same database, by a pooler in transaction mode/)
    expect(output).toMatch(/temporal +schedules +ok/)
    expect(output).not.toContain(MANAGED_PASSWORD)
  })

  test('who only reads does so through the pooler; nobody migrates through it', async () => {
    const { rows } = await recording.pool.query<{ id: string }>('select market_id as id from markets limit 1')
    const { code, output } = await polytape(['coverage', rows[0]?.id ?? ''], {
      DATABASE_URL: 'postgres://127.0.0.1:1/nowhere',
      DATABASE_POOLED_URL: pooler.url,
    })
    expect(code, output).toBe(0)
    expect(await migrate(pooler.url), 'nothing to do').toEqual([])
    const empty = new URL(pooler.url)
    empty.pathname = '/postgres'
    await expect(migrate(empty.href)).rejects.toThrow(/expected a direct connection.*Set DATABASE_URL to/)
  })

  test('a day of the archive is locked by one, whichever connections the pooler lends meanwhile', async () => {
    const pools = [1, 2].map(() => new pg.Pool({ connectionString: pooler.url, max: 4 }))
    const [first = recording.pool, second = recording.pool] = pools
    const day = { table: 'order_books', day: '2026-01-02' }
    const inside = await withDayLocked(first, day, async ({ check }) => {
      await Promise.all([1, 2, 3].map(() => first.query('select pg_sleep(0.05)')))
      await check()
      return withDayLocked(second, day, () => Promise.resolve('both'))
    })
    expect(inside).toBeUndefined()
    expect(await withDayLocked(second, day, () => Promise.resolve('free again'))).toBe('free again')
    await Promise.all(pools.map((pool) => pool.end()))
  })

  test('the normalizer says that it polls, and nobody says a password', () => {
    expect(logOf('normalizer')).toContain('Redis lets no command wait')
    for (const role of ['control', 'feed', 'normalizer', 'archive']) {
      expect(logOf(role)).not.toContain(MANAGED_PASSWORD)
      expect(logOf(role)).not.toContain(new URL(postgres.url).password)
    }
    expect(recording.system.output()).not.toContain(MANAGED_PASSWORD)
  })
})
