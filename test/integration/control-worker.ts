import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client, Connection } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'
import type { Redis } from 'ioredis'
import type pg from 'pg'
import { lendBundles } from '../support/bundles.ts'
import { createDatabase, openRedis, openTemporal } from '../support/services.ts'
import { until } from '../workflows/support/control-plane.ts'
import { createStandInFeed } from '../workflows/support/stand-in-feed.ts'
import { openStandInGamma, type StandInGamma } from '../workflows/support/stand-in-gamma.ts'
import { installQuietRuntime } from '../workflows/support/temporal.ts'

const run = promisify(execFile)

/** A real control worker as a process of its own, with real servers, a stand-in catalogue and a stand-in feed. */
export type ControlWorker = AsyncDisposable & {
  client: Client
  /** Of Temporal. */
  address: string
  redis: Redis
  pool: pg.Pool
  gamma: StandInGamma
  logged(): string
  /** Resolves when it takes tasks; `false` when it ended first. */
  start(more?: NodeJS.ProcessEnv): Promise<boolean>
  /** SIGTERM; answers how many ms it took to end. */
  stop(): Promise<number>
  /** SIGKILL. */
  kill(): Promise<void>
  /** What an operator types. */
  temporal(...words: string[]): Promise<string>
  /** What the operator is told when it is refused. */
  refusal(...words: string[]): Promise<string>
}

const startStandInFeed = async (address: string, redis: Redis): Promise<() => Promise<void>> => {
  const connection = await NativeConnection.connect({ address })
  const { activities } = createStandInFeed(redis)
  const worker = await Worker.create({ connection, taskQueue: 'feed-a', activities })
  const working = worker.run()
  return async () => {
    worker.shutdown()
    await working
    await connection.close()
  }
}

export const openControlWorker = async (marketIds: number[], top: number | undefined): Promise<ControlWorker> => {
  installQuietRuntime()
  const [server, redisServer, database] = await Promise.all([openTemporal(), openRedis(), createDatabase()])
  const gamma = await openStandInGamma(marketIds)
  const redis = redisServer.connect()
  const connection = await Connection.connect({ address: server.address })
  const stopFeed = await startStandInFeed(server.address, redis)
  const stateDir = await mkdtemp(join(tmpdir(), 'polytape-control-'))
  lendBundles('sources', stateDir)
  const environment = {
    ...process.env,
    REDIS_URL: redisServer.url,
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: server.address,
    TEMPORAL_NAMESPACE: 'default',
    POLYMARKET_GAMMA_URL: gamma.url,
    POLYTAPE_STATE_DIR: stateDir,
    POLYTAPE_TOP: String(top ?? ''),
    HTTP_PORT: '0',
  }
  let control: ChildProcess | undefined
  let logged = ''
  const stop = async (): Promise<number> => {
    const startedTimeMs = Date.now()
    if (control?.exitCode === null && control.kill('SIGTERM')) await once(control, 'exit')
    return Date.now() - startedTimeMs
  }
  const temporal = async (...words: string[]): Promise<string> =>
    (await run(server.cli, [...words, '--address', server.address])).stdout
  return {
    client: new Client({ connection }),
    address: server.address,
    redis,
    pool: database.pool,
    gamma,
    logged: () => logged,
    start: async (more = {}) => {
      logged = ''
      const started = spawn(process.execPath, ['--import', 'tsx', 'src/cli/worker.ts', '--role', 'control'], {
        env: { ...environment, ...more },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      control = started
      started.stderr.on('data', (chunk: Buffer) => (logged += chunk.toString()))
      await until(async () => logged.includes('worker runs') || started.exitCode !== null, 120_000)
      return started.exitCode === null
    },
    stop,
    kill: async () => {
      if (control?.exitCode === null && control.kill('SIGKILL')) await once(control, 'exit')
    },
    temporal,
    refusal: async (...words) => {
      try {
        return `accepted: ${await temporal(...words)}`
      } catch (error) {
        return error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error)
      }
    },
    [Symbol.asyncDispose]: async () => {
      await stop()
      await stopFeed()
      await connection.close()
      redis.disconnect()
      await Promise.all([gamma, database, redisServer, server].map((held) => held[Symbol.asyncDispose]()))
      await rm(stateDir, { recursive: true })
    },
  }
}
