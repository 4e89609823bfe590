import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { expectWithin } from '../support/quickest.ts'
import { stopLeftovers } from '../../src/local/children.ts'
import { isAlive, markOf, type ProcessMark } from '../../src/local/os-process.ts'
import { openStateDir } from '../../src/local/state-dir.ts'

const mark = z.object({ pid: z.number(), restarts: z.number() })
const runSchema = z.object({
  databaseUrl: z.string(),
  redisUrl: z.string(),
  temporalAddress: z.string(),
  temporalUiUrl: z.string(),
  temporalCli: z.string(),
  venue: z.string(),
  supervisor: z.object({ pid: z.number() }),
  processes: z.array(mark.extend({ role: z.string() })),
  servers: z.array(mark.extend({ name: z.string() })),
})

const folder = mkdtempSync(join(tmpdir(), 'polytape-start-'))
const runPath = join(folder, 'run.json')
const { DATABASE_URL: _1, REDIS_URL: _2, TEMPORAL_ADDRESS: _3, ...rest } = process.env
const env = { ...rest, POLYTAPE_STATE_DIR: folder }

type Started = { child: ChildProcess; output: () => string; ended: Promise<number | null> }

const startPolytape = (): Started => {
  const args = ['scripts/start.mjs', '--venue', 'emulator', '--emulator-markets', '5', '--emulator-rate', '50']
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += String(chunk)))
  return { child, output: () => text, ended: new Promise((resolve) => child.once('exit', (code) => resolve(code))) }
}

const readRun = () => runSchema.parse(JSON.parse(readFileSync(runPath, 'utf8')))

const comesUp = async (started: Started) => {
  await Promise.race([
    expect.poll(() => existsSync(runPath), { timeout: 240_000, interval: 50 }).toBe(true),
    started.ended.then(() => Promise.reject(new Error(`ended early:\n${started.output()}`))),
  ])
  return readRun()
}

const marksOf = (run: z.infer<typeof runSchema>): ProcessMark[] =>
  [...run.processes, ...run.servers].map((one) => markOf(one.pid))

const stop = async (started: Started) => {
  const askedTimeMs = Date.now()
  started.child.kill('SIGINT')
  const code = await started.ended
  return { code, tookMs: Date.now() - askedTimeMs }
}

afterAll(async () => {
  await stopLeftovers(openStateDir(folder))
  const home = openStateDir(folder).recall().postgresHome
  if (home !== undefined) rmSync(home, { recursive: true, force: true })
  rmSync(folder, { recursive: true, force: true })
})

describe('npm start', () => {
  it('says where everything is, refuses a second start, and one Ctrl-C ends it all within five seconds', async () => {
    const first = startPolytape()
    const run = await comesUp(first)
    expect(statSync(runPath).mode & 0o777).toBe(0o600)
    expect(run.venue).toBe('emulator')
    expect(run.processes.map(({ role }) => role).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'archive',
      'control',
      'feed',
      'normalizer',
    ])
    expect(run.servers.map(({ name }) => name).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'emulator',
      'postgres',
      'redis',
      'temporal',
    ])
    const client = new pg.Client({ connectionString: run.databaseUrl })
    await client.connect()
    expect((await client.query('select from migrations')).rowCount).toBeGreaterThan(0)
    await client.query('create table left_by_first (n int)')
    await client.end()

    const second = startPolytape()
    expect(await second.ended).toBe(1)
    expect(second.output()).toContain(`already running in ${folder}: pid ${run.supervisor.pid}`)

    let running = first
    await expectWithin('Ctrl-C', 5_000, async (attempt) => {
      if (attempt > 0) await comesUp((running = startPolytape()))
      const marks = marksOf(readRun())
      const { code, tookMs } = await stop(running)
      expect(code).toBe(0)
      expect(existsSync(runPath)).toBe(false)
      expect(marks.filter(isAlive)).toEqual([])
      return tookMs
    })
  })

  it('stops what a kill -9 left running and continues with its data', async () => {
    const killed = startPolytape()
    const left = marksOf(await comesUp(killed))
    killed.child.kill('SIGKILL')
    await killed.ended
    expect(left.filter(isAlive).length).toBeGreaterThan(4)

    const next = startPolytape()
    await expect
      .poll(() => next.output(), { timeout: 240_000 })
      .toContain('roles     control, feed, normalizer, archive started')
    expect(next.output()).toContain('stopped what an earlier start had left running')
    const run = await comesUp(next)
    expect(left.filter(isAlive)).toEqual([])
    const client = new pg.Client({ connectionString: run.databaseUrl })
    await client.connect()
    expect((await client.query('select from left_by_first')).rowCount).toBe(0)
    await client.end()
    expect((await stop(next)).code).toBe(0)
  })

  it('brings a killed server and a killed role back, on the same address, and counts it', async () => {
    const started = startPolytape()
    const before = await comesUp(started)
    const pidOf = (list: { pid: number; name?: string; role?: string }[], name: string) =>
      list.find((one) => (one.name ?? one.role) === name)?.pid ?? 0
    process.kill(pidOf(before.servers, 'redis'), 'SIGKILL')
    process.kill(pidOf(before.servers, 'postgres'), 'SIGKILL')
    process.kill(pidOf(before.processes, 'feed'), 'SIGKILL')
    const restarts = () => {
      const { servers, processes } = readRun()
      return [
        ...servers.filter(({ name }) => name === 'redis' || name === 'postgres'),
        ...processes.filter(({ role }) => role === 'feed'),
      ]
    }
    await expect.poll(() => restarts().filter((one) => one.restarts > 0).length, { timeout: 120_000 }).toBe(3)
    const after = readRun()
    expect([after.databaseUrl, after.redisUrl]).toEqual([before.databaseUrl, before.redisUrl])
    const redis = new Redis(after.redisUrl, { maxRetriesPerRequest: 50 })
    expect(await redis.ping()).toBe('PONG')
    redis.disconnect()
    expect((await stop(started)).code).toBe(0)
  })
})
