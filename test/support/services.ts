import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import pg from 'pg'
import { freePort } from '../../src/local/ports.ts'
import { clusterSpec, databaseUrl, initialise, newPassword, type Cluster } from '../../src/local/postgres-cluster.ts'
import { postgresBinaries } from '../../src/local/postgres-binaries.ts'
import { redisSpec } from '../../src/local/redis.ts'
import { obtainRedis } from '../../src/local/redis-install.ts'
import { obtainTemporal, temporalSpec } from '../../src/local/temporal.ts'
import { amRoot, postgresHome, postgresUser } from '../../src/local/unprivileged.ts'
import { createDatabaseIfMissing, migrate } from '../../src/store/migrate.ts'
import type { TestFolder } from './services-folder.ts'
import { openServerOnFreePort, type TestServer } from './services-process.ts'

const run = promisify(execFile)
const anyPort = () => freePort(0)

export type TestRedis = TestServer & {
  url: string
  connect: () => Redis
  /** For so long its files do not grow, as on a disk that is full: it goes on, and refuses to write. */
  fillDisk: (forMs: number) => Promise<void>
}

const say = (line: string): void => console.error(line)

/** @throws Error with the reason where there is none and none can be installed without a password. */
export const redisServer = async (): Promise<string> => {
  const obtained = await obtainRedis(say)
  if (obtained.type === 'not_installed') throw new Error(`expected redis-server on PATH: ${obtained.reason}`)
  return obtained.path
}

/** Puts on this machine what `npm start` would, so that no start has to build it within the time that it is waited for. */
export const prepareServers = async (): Promise<void> => {
  await redisServer()
  await obtainTemporal(say)
}

/** @throws Error where it goes on writing nevertheless. */
const fillDisk = async (pid: number, connect: () => Redis, forMs: number): Promise<void> => {
  const prlimit = async (...args: string[]): Promise<string> =>
    (await run('prlimit', [`--pid=${pid}`, ...args])).stdout.trim()
  const before = await prlimit('--fsize', '--output=SOFT', '--noheadings', '--raw')
  const redis = connect()
  try {
    await prlimit('--fsize=1:')
    await sleep(forMs)
    const refused = await redis.set('a', 'b').then(String, (error: unknown) => String(error))
    if (!refused.includes('MISCONF')) throw new Error(`expected Redis to refuse writes with MISCONF, came ${refused}`)
  } finally {
    await prlimit(`--fsize=${before}:`)
    redis.disconnect()
  }
}

/** A redis-server of its own, with the settings of the product (appendonly, noeviction). */
export const openRedis = async (): Promise<TestRedis> => {
  const binary = await redisServer()
  const { server, port } = await openServerOnFreePort(anyPort, async ({ state }, at) => {
    const folder = state.path('redis')
    mkdirSync(folder, { recursive: true })
    const spec = redisSpec(binary, { folder, logPath: state.logPath('redis') }, at)
    // Where a file may not grow a process gets a signal, of which it dies unless it is ignored, and then an error.
    return { ...spec, command: '/bin/sh', args: ['-c', 'trap "" XFSZ; exec "$0" "$@"', spec.command, ...spec.args] }
  })
  const url = `redis://127.0.0.1:${port}`
  const connect = (): Redis => new Redis(url)
  return { ...server, url, connect, fillDisk: (forMs) => fillDisk(server.pid(), connect, forMs) }
}

const openCluster = async ({ state }: TestFolder): Promise<Cluster> => {
  const user = amRoot() ? await postgresUser() : undefined
  const native = postgresBinaries(user)
  return { native, home: postgresHome(state, user), user, password: newPassword(), logPath: state.logPath('postgres') }
}

/** The machine will not crash during a test, the server may: no fsync. */
/** Without autovacuum: it may be at a table in the moment in which a test takes a partition off. */
const FLAGS = ['fsync=off', 'max_connections=100', 'shared_buffers=128MB', 'autovacuum=off']

export type TestPostgres = TestServer & { url: string; adminUrl: string }

/** A Postgres of its own with a migrated database. */
export const openPostgres = async (): Promise<TestPostgres> => {
  let password = ''
  const { server, port } = await openServerOnFreePort(anyPort, async (folder, at) => {
    const cluster = await openCluster(folder)
    ;({ password } = cluster)
    await initialise(cluster)
    return clusterSpec(cluster, { port: at, flags: FLAGS })
  })
  const url = databaseUrl(port, password, 'polytape_test')
  await createDatabaseIfMissing(url)
  await migrate(url)
  return { ...server, url, adminUrl: databaseUrl(port, password, 'postgres') }
}

export type TestTemporal = TestServer & { address: string; cli: string }

/** A dev server with the product's search attributes: in memory, or with a file that outlives a restart. */
export const openTemporal = async ({ isKept = false } = {}): Promise<TestTemporal> => {
  const { path: cli } = await obtainTemporal(say)
  const { server, port } = await openServerOnFreePort(anyPort, async ({ state }, at) => {
    const uiPort = await freePort(0)
    const databaseFile = isKept ? state.path('temporal.db') : undefined
    return temporalSpec({ cli, cwd: state.root, logPath: state.logPath('temporal'), databaseFile, uiPort }, at)
  })
  return { ...server, address: `127.0.0.1:${port}`, cli }
}

const shared = (name: string): string => {
  const value = process.env[name]
  if (value === undefined)
    throw new Error(`${name} is not set: run this file by vitest, whose set-up starts the servers`)
  return value
}

export type TestDatabase = AsyncDisposable & { url: string; pool: pg.Pool }

const administer = async (sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: shared('POLYTAPE_TEST_ADMIN_URL') })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** A migrated database of its own, copied from the template on the shared server, dropped on dispose. */
export const createDatabase = async (): Promise<TestDatabase> => {
  const address = new URL(shared('POLYTAPE_TEST_DATABASE_URL'))
  const name = `test_${randomBytes(6).toString('hex')}`
  await administer(`create database ${name} template ${address.pathname.slice(1)} strategy file_copy`)
  address.pathname = `/${name}`
  const pool = new pg.Pool({ connectionString: address.href, max: 8 })
  pool.on('error', () => undefined)
  return {
    url: address.href,
    pool,
    [Symbol.asyncDispose]: async () => {
      await pool.end()
      await administer(`drop database if exists ${name} with (force)`)
    },
  }
}
