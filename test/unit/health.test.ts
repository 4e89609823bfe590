import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import type { Heartbeat, Trouble } from '../../src/domain/heartbeat.ts'
import { createReports } from '../../src/heartbeats/reporter.ts'
import { createHealth, type Check, type Finding } from '../../src/http/health.ts'
import { createLog } from '../../src/lib/log.ts'
import { loopCheck, workCheck } from '../../src/workers/health-checks.ts'
import { writeTarget } from '../../src/workers/target-file.ts'

const config = readConfig({})
const log = createLog('test', 'silent')

/** A process that reports this. */
const reporting = (subject: string, trouble: Partial<Trouble> | undefined) => {
  const reports = createReports()
  const whole = { reason: 'silent' as const, forMs: 0, detail: 'of the test', markets: new Map([['516710', 1]]) }
  const beat: Heartbeat = {
    trouble: trouble === undefined ? undefined : { ...whole, ...trouble },
    epoch: '',
    figures: {},
  }
  reports.follow(() => [[subject, beat]])
  return reports
}

const well = (says: string): Finding => ({ isOk: true, says })

const ask = async (health: ReturnType<typeof createHealth>, path: string) => {
  const route = health.routes.find((one) => one.path === path)
  return route?.answer({ body: '', header: () => undefined })
}

describe('/readyz and /healthz', () => {
  test('say of each check in words how it is, and 503 as soon as one is not well', async () => {
    const health = createHealth()
    const redis: Check = { name: 'redis', look: () => well('Redis answered in 1 ms') }
    health.readyWhile(redis)
    const shown = [{ name: 'redis', ok: true, says: 'Redis answered in 1 ms' }]
    expect(await ask(health, '/readyz')).toEqual({ status: 200, body: { status: 'ready', checks: shown } })
    const ill = createHealth()
    ill.readyWhile(redis)
    ill.readyWhile({ name: 'postgres', look: () => ({ isOk: false, says: 'Postgres does not answer' }) })
    expect(await ask(ill, '/readyz')).toMatchObject({ status: 503, body: { status: 'not ready' } })
    expect(await ask(ill, '/healthz')).toMatchObject({ status: 200, body: { status: 'alive' } })
  })

  test('say of a check that hangs or fails that it could not be told, and nothing of its error', async () => {
    const health = createHealth()
    health.readyWhile({ name: 'fails', look: () => Promise.reject(new Error('postgres://user:secret@host')) })
    const end = health.readyWhile({ name: 'hangs', look: () => new Promise<Finding>(() => undefined) })
    const answer = await ask(health, '/readyz')
    expect(answer?.status).toBe(503)
    expect(JSON.stringify(answer?.body)).not.toContain('secret')
    end()
  })

  test('look once for all who ask at the same time', async () => {
    const health = createHealth()
    let looks = 0
    health.readyWhile({ name: 'counted', look: () => well(String(looks++)) })
    await Promise.all(Array.from({ length: 50 }, () => ask(health, '/readyz')))
    expect(looks).toBe(1)
  })
})

describe('a process', () => {
  test('is ready while it has no work, and while what it reports is younger than its window', async () => {
    const idle = workCheck(createReports(), config)
    expect(await idle.look()).toEqual(well('nothing is assigned to this process'))
    const young = workCheck(reporting('normalizer:0', { reason: 'lagging', forMs: 29_999 }), config)
    expect(await young.look()).toMatchObject({ isOk: true })
  })

  test.each([
    ['normalizer:0', { reason: 'not_committing' as const, forMs: 30_000 }],
    ['connection:0:a:0', { reason: 'silent' as const, forMs: 60_000 }],
    ['liveness:0:a', { reason: 'no_answer' as const, forMs: 120_000 }],
  ])('is not ready once %s has been late for its window, and names no market', async (subject, trouble) => {
    const found = await workCheck(reporting(subject, trouble), config).look()
    expect(found).toMatchObject({ isOk: false })
    expect(found.says).toContain(`${subject}: of the test (${trouble.reason} for ${trouble.forMs / 1_000} s)`)
    expect(found.says).not.toContain('516710')
  })

  test('is ready though another one does not apply what it feeds', async () => {
    const feed = workCheck(reporting('applied:0:a', { reason: 'not_applied', forMs: 600_000 }), config)
    expect(await feed.look()).toMatchObject({ isOk: true })
  })

  test('is stuck where a loop has not moved for a minute though every server answers, and waits where one does not', async () => {
    const stuck = reporting('normalizer:0', { reason: 'not_reading', forMs: 60_000 })
    const redis = (isOk: boolean): Check => ({ name: 'redis', look: () => ({ isOk, says: `Redis: ${isOk}` }) })
    expect(await loopCheck(stuck, () => [redis(true)]).look()).toMatchObject({ isOk: false })
    expect(await loopCheck(stuck, () => [redis(false)]).look()).toMatchObject({ isOk: true })
    const moving = reporting('normalizer:0', { reason: 'not_reading', forMs: 59_999 })
    expect(await loopCheck(moving, () => [redis(true)]).look()).toMatchObject({ isOk: true })
  })
})

test('a stuck process is alive while a server hangs, as while one is away', async () => {
  const stuck = reporting('normalizer:0', { reason: 'not_reading', forMs: 60_000 })
  const health = createHealth()
  health.aliveWhile(loopCheck(stuck, () => [{ name: 'redis', look: () => new Promise<Finding>(() => undefined) }]))
  const answer = await ask(health, '/healthz')
  expect(answer?.status).toBe(200)
  expect(JSON.stringify(answer?.body)).toContain('redis does not answer')
})

describe('the target file', () => {
  test('names the page and its job while the process runs, and those of killed processes go', () => {
    const state = mkdtempSync(join(tmpdir(), 'polytape-targets-'))
    const ended = spawnSync(process.execPath, ['-e', '']).pid
    const first = writeTarget({ stateDir: state, role: 'feed', url: 'http://127.0.0.1:8091', log })
    const folder = join(state, 'targets')
    writeFileSync(join(folder, `normalizer-${ended}.json`), '[]')
    writeFileSync(join(folder, 'feed-0a1b2c-1.json'), '[]')
    utimesSync(join(folder, 'feed-0a1b2c-1.json'), 1, 1)
    const other = writeTarget({ stateDir: state, role: 'archive', url: 'http://[::1]:8093', log })
    expect(readdirSync(folder).toSorted()).toEqual([`archive-${process.pid}.json`, `feed-${process.pid}.json`])
    const text = readFileSync(join(folder, `feed-${process.pid}.json`), 'utf8')
    expect(JSON.parse(text)).toEqual([{ targets: ['127.0.0.1:8091'], labels: { job: 'feed' } }])
    expect(readFileSync(join(folder, `archive-${process.pid}.json`), 'utf8')).toContain('"[::1]:8093"')
    first[Symbol.dispose]()
    other[Symbol.dispose]()
    expect(readdirSync(folder)).toEqual([])
    rmSync(state, { recursive: true })
  })

  test('that cannot be written keeps nobody from recording', () => {
    expect(() =>
      writeTarget({ stateDir: '/dev/null', role: 'feed', url: 'http://127.0.0.1:1', log })[Symbol.dispose](),
    ).not.toThrow()
  })

  test('names the host where every address is listened on, so that containers of one volume do not meet', () => {
    const state = mkdtempSync(join(tmpdir(), 'polytape-targets-'))
    const own = writeTarget({ stateDir: state, role: 'feed', url: 'http://0.0.0.0:8091', log })
    const [file = ''] = readdirSync(join(state, 'targets'))
    expect(file).toMatch(new RegExp(`^feed-.+-${process.pid}\\.json$`))
    expect(readFileSync(join(state, 'targets', file), 'utf8')).not.toContain('0.0.0.0')
    own[Symbol.dispose]()
    rmSync(state, { recursive: true })
  })
})
