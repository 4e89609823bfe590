import { randomBytes } from 'node:crypto'
import { connect, createServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { examineAll, findPatient, runDoctor } from '../../src/cli/doctor/doctor.ts'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { PLAIN } from '../../src/cli/polytape/paint.ts'
import { allPrinted, illIn, lineOf, lookAt } from '../support/doctor.ts'
import { MANAGED_PASSWORD, openManagedRedis, type ManagedRedis } from '../support/redis-tls.ts'
import { openTestFolder, type TestFolder } from '../support/services-folder.ts'
import { createDatabase, openRedis, type TestDatabase, type TestRedis } from '../support/services.ts'

const opened: AsyncDisposable[] = []
let redis: TestRedis
let managed: ManagedRedis
let database: TestDatabase
let folder: TestFolder

/** Signs that an address must encode. */
const ROLE_PASSWORD = 'a/b@c:d never shown'

beforeAll(async () => {
  ;[redis, managed, database, folder] = await Promise.all([
    openRedis(),
    openManagedRedis(),
    createDatabase(),
    openTestFolder(),
  ])
  opened.push(redis, managed, database, folder)
})

afterAll(async () => {
  for (const one of opened.toReversed()) await one[Symbol.asyncDispose]()
})

const state = () => ({ POLYTAPE_STATE_DIR: folder.state.root })
describe('Redis', () => {
  const look = (url: string) => lookAt('redis', { ...state(), REDIS_URL: url })

  test('one as polytape starts it is well, and nothing of the look stays in it', async () => {
    const findings = await look(redis.url)
    expect(illIn(findings).filter((line) => !line.startsWith('reachable'))).toEqual([])
    expect(lineOf(findings, 'EVAL')).toContain('allow-key-locking is unknown')
    const client = redis.connect()
    expect(await client.keys('*')).toEqual([])
    client.disconnect()
  })

  test('settings that lose frames are told with what to set, each by itself', async () => {
    const client = redis.connect()
    const usedBytes = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
    await client.config('SET', 'appendonly', 'no', 'maxmemory-policy', 'allkeys-lru', 'proto-max-bulk-len', '1mb')
    await client.config('SET', 'maxmemory', Math.round(usedBytes * 1.15))
    const full = await look(redis.url)
    expect(lineOf(full, 'memory')).toMatch(/^FAIL .*, \d+ %: when it is full it refuses frames → give it more/)
    expect(lineOf(full, 'eviction')).toMatch(/^FAIL on \(allkeys-lru\).*CONFIG SET maxmemory-policy noeviction/)
    expect(lineOf(full, 'append-only')).toMatch(/^warn off → CONFIG SET appendonly yes/)
    expect(lineOf(full, 'requests')).toMatch(/^FAIL one of 6.3 MB is refused/)
    await client.config('SET', 'maxmemory', Math.round(usedBytes * 1.5))
    expect(lineOf(await look(redis.url), 'memory')).toMatch(/^warn .* %/)
    client.disconnect()
  })

  test('one that lets no command wait is polled, and the doctor says so', async () => {
    const findings = await look(managed.plainUrl)
    expect(lineOf(findings, 'BLOCK')).toMatch(/^warn commands may not wait \(ERR unknown command 'bzmpop'.*polls/)
  })

  test('a user who may not wait at all may not read streams either, and is told which right is missing', async () => {
    const client = redis.connect()
    await client.call('ACL', 'SETUSER', 'bounded', 'on', '>bounded-secret', '~*', '&*', '+@all', '-@blocking')
    client.disconnect()
    const findings = await look(redis.url.replace('redis://', 'redis://bounded:bounded-secret@'))
    expect(lineOf(findings, 'streams')).toMatch(/^FAIL they are not read: NOPERM.* → allow XREAD/)
    expect(lineOf(findings, 'BLOCK')).toMatch(/^warn commands may not wait \(NOPERM/)
    expect(lineOf(findings, 'channels')).toMatch(/^ok/)
  })

  test('a wrong password, TLS where there is none, none where there is, and an authority that nobody knows', async () => {
    const wrong = managed.plainUrl.replace(MANAGED_PASSWORD, 'guessed-wrongly')
    expect(lineOf(await look(wrong), 'reachable')).toMatch(/^FAIL .*WRONGPASS.* → correct the user and password/)
    expect(lineOf(await look(redis.url.replace('redis:', 'rediss:')), 'reachable')).toMatch(
      /^FAIL .* → it does not answer to TLS: use redis:/,
    )
    expect(lineOf(await look(managed.url.replace('rediss:', 'redis:')), 'reachable')).toMatch(/^FAIL .* → .*rediss:/)
    expect(lineOf(await look(managed.url), 'reachable')).toMatch(
      /^FAIL .*certificate.* → trust its authority: NODE_EXTRA_CA_CERTS/,
    )
    expect(lineOf(await look('redis://127.0.0.1:1'), 'reachable')).toMatch(/^FAIL .*ECONNREFUSED.* → start it/)
  })
})

describe('Postgres', () => {
  const look = (url: string, more: NodeJS.ProcessEnv = {}) =>
    lookAt('postgres', { ...state(), DATABASE_URL: url, ...more })

  test('a migrated one is well once it has the partitions of the days ahead; a missing one is told with its day', async () => {
    const before = await look(database.url)
    expect(lineOf(before, 'partitions')).toMatch(/^FAIL missing: order_books of \d{4}-.* → see that control runs/)
    for (const table of ['order_books', 'liquidity_events', 'derived_metrics']) {
      await database.pool.query(
        'select ensure_partition($1, (now() at time zone $2)::date + n) from generate_series(0, 3) n',
        [table, 'UTC'],
      )
    }
    const findings = await look(database.url)
    expect(illIn(findings).filter((line) => !/^(reachable|connections)/.test(line))).toEqual([])
    expect(lineOf(findings, 'route')).toMatch(/^ok direct/)
  })

  test('a user without the rights is told which, a schema that is behind what to run', async () => {
    const name = `reader_${randomBytes(4).toString('hex')}`
    await database.pool.query(`create role ${name} login password '${ROLE_PASSWORD}'`)
    try {
      await database.pool.query(`grant select on all tables in schema public to ${name}`)
      const address = new URL(database.url)
      address.username = name
      address.password = encodeURIComponent(ROLE_PASSWORD)
      const findings = await look(address.href)
      expect(lineOf(findings, 'rights')).toMatch(
        /^FAIL \d+ rights are missing: .*insert, update, delete and select on .*GRANT <owner>/,
      )
      expect(lineOf(findings, 'migrations')).toMatch(/^ok/)
      address.password = 'guessed-wrongly'
      expect(lineOf(await look(address.href), 'reachable')).toMatch(
        /^FAIL .*password authentication failed.* → correct the user/,
      )
    } finally {
      await database.pool.query(`drop owned by ${name}; drop role ${name}`)
    }
    const { rows } = await database.pool.query<{ name: string }>(
      'delete from migrations where id = (select max(id) from migrations) returning name',
    )
    expect(lineOf(await look(database.url), 'migrations')).toBe(
      `FAIL 1 are not applied: ${rows[0]?.name} → npm run migrate`,
    )
    await database.pool.query('insert into migrations (name, run_on) values ($1, now())', [rows[0]?.name])
  })

  test('a compute that wakes cuts its first connections, and is asked again until it answers', async () => {
    const address = new URL(database.url)
    const serverPort = Number(address.port)
    let cutsLeft = 2
    const waking = createServer((socket) => {
      if (cutsLeft-- > 0) return socket.resetAndDestroy()
      const server = connect(serverPort, '127.0.0.1')
      for (const end of [socket, server]) end.on('error', () => undefined)
      return socket.pipe(server).pipe(socket)
    })
    await new Promise<void>((resolve) => waking.listen(0, '127.0.0.1', resolve))
    address.port = String((waking.address() as AddressInfo).port)
    expect(lineOf(await look(address.href), 'version')).toMatch(/^ok Postgres/)
    expect(cutsLeft).toBeLessThan(0)
    waking.close()
  })

  test('a pooled address that leads elsewhere, and a database that is not there', async () => {
    await using other = await createDatabase()
    const findings = await look(database.url, { DATABASE_POOLED_URL: other.url })
    expect(lineOf(findings, 'pooled')).toMatch(/^FAIL .* leads to another database/)
    const missing = new URL(database.url)
    missing.pathname = '/nowhere'
    expect(lineOf(await look(missing.href), 'reachable')).toMatch(/^FAIL .*does not exist → create the database/)
  })
})

test('a probe that throws is a line of its own beside the others', async () => {
  const findings = await examineAll(
    findPatient({ ...state(), REDIS_URL: `redis://:${MANAGED_PASSWORD}@127.0.0.1:1` }),
    [
      { area: 'bad', run: () => Promise.reject(new Error(`could not log in with ${MANAGED_PASSWORD}`)) },
      { area: 'good', run: () => Promise.resolve([{ area: 'good', what: 'it', level: 'ok', found: 'well' }]) },
    ],
  )
  expect(findings).toMatchObject([{ area: 'bad', level: 'FAIL', found: 'could not log in with ***' }, { area: 'good' }])
})

test('where nothing answers each server is told, with the exit code 1, as JSON too', async () => {
  const dead = { REDIS_URL: 'redis://127.0.0.1:1', DATABASE_URL: 'postgres://127.0.0.1:1/x' }
  const venue = { POLYMARKET_WS_URL: 'ws://127.0.0.1:1', POLYMARKET_GAMMA_URL: 'http://127.0.0.1:1' }
  const environment = { ...state(), ...dead, ...venue, POLYMARKET_CLOB_URL: 'http://127.0.0.1:1' }
  const { text, code } = await runDoctor(environment, { isJson: true, palette: PLAIN })
  expect(code).toBe(1)
  const { ok, findings } = JSON.parse(text) as { ok: boolean; findings: Finding[] }
  expect(ok).toBe(false)
  const areas = ['redis', 'postgres', 'venue']
  for (const area of areas) expect(findings).toContainEqual(expect.objectContaining({ area, level: 'FAIL' }))
  expect(findings).toContainEqual(expect.objectContaining({ area: 'archive', what: 'write', level: 'ok' }))
})

test('no secret was printed', () => {
  const text = allPrinted()
  expect(text.length).toBeGreaterThan(5_000)
  const secrets = [
    MANAGED_PASSWORD,
    ROLE_PASSWORD,
    encodeURIComponent(ROLE_PASSWORD),
    'guessed-wrongly',
    new URL(database.url).password,
  ]
  for (const secret of secrets) expect(text).not.toContain(secret)
})
