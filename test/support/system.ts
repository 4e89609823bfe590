import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { z } from 'zod'
import { keepBundles, lendBundles } from './bundles.ts'
import { openTestFolder, type TestFolder } from './services-folder.ts'
import { prepareServers } from './services.ts'

const process_ = z.object({ pid: z.number() })
const runFile = z.object({
  databaseUrl: z.string(),
  redisUrl: z.string(),
  temporalAddress: z.string(),
  temporalCli: z.string(),
  venue: z.string(),
  supervisor: process_,
  processes: z.array(process_.extend({ role: z.string() })),
  servers: z.array(process_.extend({ name: z.string() })),
})

type RunFile = z.infer<typeof runFile>

/** The whole product as `npm start` runs it, in a folder of its own. */
export type System = AsyncDisposable & {
  readonly folder: TestFolder
  run: () => RunFile
  output: () => string
  pool: () => pg.Pool
  redis: () => Redis
  /** Ctrl-C; resolves with the ms until it had ended. */
  stop: () => Promise<number>
  /** SIGKILL of the supervisor, its roles and its servers. */
  killEverything: () => Promise<void>
  /** `npm start` once more on the same state. */
  startAgain: () => Promise<void>
  pidOf: (name: string) => number
}

const WAIT_MS = 120_000

/** Polls until the condition holds; fails with what it last saw. */
export const until = async <T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  waitMs = WAIT_MS,
): Promise<T> => {
  const endTimeMs = Date.now() + waitMs
  let last: unknown
  while (Date.now() < endTimeMs) {
    try {
      const seen = await look()
      if (seen !== undefined && seen !== false) return seen
      last = seen
    } catch (error) {
      last = error
    }
    await sleep(50)
  }
  throw new Error(`waited ${waitMs} ms for ${what}; last: ${String(last)}`)
}

const exited = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })

/** A start that hangs must not hide why it was given up. */
const HANGS_MS = 30_000

const endAnyhow = (child: ChildProcess): Promise<void> => {
  const late = setTimeout(() => child.kill('SIGKILL'), HANGS_MS)
  return exited(child).finally(() => clearTimeout(late))
}

const killHard = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It had ended by itself.
  }
}

export const openSystem = async (options: { args: string[]; env: Record<string, string> }): Promise<System> => {
  const folder = await openTestFolder()
  const path = folder.state.path('run.json')
  const text: string[] = []
  const clients: { close: () => Promise<unknown> }[] = []
  let child: ChildProcess | undefined

  const run = (): RunFile => runFile.parse(JSON.parse(readFileSync(path, 'utf8')))
  const start = async (): Promise<void> => {
    const env = { ...process.env, POLYTAPE_STATE_DIR: folder.state.root, ...options.env }
    const started = spawn(process.execPath, ['scripts/start.mjs', ...options.args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.stdout.on('data', (chunk: Buffer) => text.push(chunk.toString()))
    started.stderr.on('data', (chunk: Buffer) => text.push(chunk.toString()))
    child = started
    await until('run.json of this start', () => {
      if (started.exitCode !== null) throw new Error(`npm start ended with ${started.exitCode}:\n${text.join('')}`)
      return existsSync(path) && run().supervisor.pid === started.pid && run().processes.length >= 3
    })
  }
  const closeClients = async (): Promise<void> => {
    await Promise.allSettled(clients.splice(0).map((client) => client.close()))
  }
  const stop = async (): Promise<number> => {
    await closeClients()
    const began = Date.now()
    if (child !== undefined) {
      child.kill('SIGINT')
      await endAnyhow(child)
    }
    return Date.now() - began
  }
  const killEverything = async (): Promise<void> => {
    const { supervisor, processes, servers } = run()
    await closeClients()
    killHard(supervisor.pid)
    for (const { pid } of [...processes, ...servers]) killHard(pid)
    if (child !== undefined) await exited(child)
  }
  const dispose = async (): Promise<void> => {
    await stop()
    await folder[Symbol.asyncDispose]()
  }
  try {
    await prepareServers()
    lendBundles('compiled', folder.state.root)
    await start()
    keepBundles('compiled', folder.state.root)
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    folder,
    run,
    output: () => text.join(''),
    pool: () => {
      const pool = new pg.Pool({ connectionString: run().databaseUrl, max: 4 })
      pool.on('error', () => undefined)
      clients.push({ close: () => pool.end() })
      return pool
    },
    redis: () => {
      const redis = new Redis(run().redisUrl, { maxRetriesPerRequest: null })
      redis.on('error', () => undefined)
      clients.push({ close: async () => redis.disconnect() })
      return redis
    },
    stop,
    killEverything,
    startAgain: start,
    pidOf: (name) => {
      const found = [...run().processes.map((one) => ({ name: one.role, pid: one.pid })), ...run().servers]
      const match = found.find((one) => one.name.toLowerCase() === name)
      if (match === undefined) throw new Error(`no process ${name} among ${found.map((one) => one.name).join(', ')}`)
      return match.pid
    },
    [Symbol.asyncDispose]: dispose,
  }
}
