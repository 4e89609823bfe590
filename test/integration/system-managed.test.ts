import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readFileSync } from 'node:fs'
import { openPgbouncer, whyNoPgbouncer } from '../support/pgbouncer.ts'
import { expectRecorded, openRecording, readGaps, type Recording } from '../support/recording.ts'
import { MANAGED_PASSWORD, openManagedRedis, type ManagedRedis } from '../support/redis-tls.ts'
import { openPostgres, type TestPostgres } from '../support/services.ts'

/**
 * The whole product on what managed services are like: a Redis behind TLS and a password that lets no command wait, and a
 * Postgres behind a pooler in transaction mode, as the roles' only address of it.
 */
const MARKETS = 20
const FLOW_MS = 4_000

const opened: AsyncDisposable[] = []
let redis: ManagedRedis
let postgres: TestPostgres
let recording: Recording

const noPgbouncer = await whyNoPgbouncer()

describe.skipIf(noPgbouncer)('over TLS, without BLOCK, through a pooler in transaction mode', () => {
  beforeAll(async () => {
    redis = await openManagedRedis()
    opened.push(redis)
    postgres = await openPostgres()
    opened.push(postgres)
    const pooler = await openPgbouncer(postgres.url)
    opened.push(pooler)
    const env = { REDIS_URL: redis.url, DATABASE_URL: pooler.url, NODE_EXTRA_CA_CERTS: redis.caPath }
    recording = await openRecording({ markets: MARKETS, rate: 300, env })
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

  test('the normalizer says that it polls, and nobody says a password', () => {
    expect(logOf('normalizer')).toContain('Redis lets no command wait')
    for (const role of ['control', 'feed', 'normalizer', 'archive']) {
      expect(logOf(role)).not.toContain(MANAGED_PASSWORD)
      expect(logOf(role)).not.toContain(new URL(postgres.url).password)
    }
    expect(recording.system.output()).not.toContain(MANAGED_PASSWORD)
  })
})
