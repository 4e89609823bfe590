import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CATALOG_CHANGES_CHANNEL } from '../../src/domain/keys.ts'
import { openEmulator, type Emulator } from '../../src/emulator/emulator.ts'
import type { VenueMarket } from '../../src/emulator/market.ts'
import { signatureHeaders } from '../../src/lib/webhook-signature.ts'
import { until } from '../workflows/support/control-plane.ts'
import { openControlWorker, type ControlWorker } from './control-worker.ts'

const SECRET = 'a secret of the test'
let emulator: Emulator
let worker: ControlWorker
let folder: string
let url: string

const setPolicy = (policy: object | string): Promise<void> =>
  writeFile(join(folder, 'policy.json'), typeof policy === 'string' ? policy : JSON.stringify(policy))
const open = (): VenueMarket[] => emulator.catalogue.markets.filter((market) => !market.closed)
const ids = (markets: VenueMarket[]): string[] => markets.map(({ marketId }) => marketId).toSorted()
const inEvent = (slug: string): string[] => ids(open().filter(({ eventId }) => `event-${eventId}` === slug))
const tagged = (tag: string): string[] => ids(open().filter(({ tags }) => tags.includes(tag)))

const listed = async (more: string): Promise<string[]> => {
  const found: string[] = []
  const query = `WorkflowType = 'marketSubscription' AND ExecutionStatus = 'Running' AND ${more}`
  for await (const { workflowId } of worker.client.workflow.list({ query })) found.push(workflowId.slice('market:'.length)) // prettier-ignore
  return found.toSorted()
}
const running = (): Promise<string[]> => listed(`WorkflowId STARTS_WITH 'market:'`)
const untilRunning = (expected: string[]): Promise<true> =>
  until(async () => JSON.stringify(await running()) === JSON.stringify(expected.toSorted()))

type Count = { wanted: number; started: number; ended: number; kept: number; left: number; unmatched: string[]; isCut: boolean; problem?: string } // prettier-ignore
let runCount = 0
/** One pass, as the schedule's. */
const refresh = async (): Promise<Count> => {
  const workflowId = `refresh-${runCount++}`
  const result: unknown = await worker.client.workflow.execute('refreshCatalog', { taskQueue: 'control', workflowId })
  return (result as { subscriptions: Count }).subscriptions
}
const signal = (marketId: string, name: string): Promise<void> =>
  worker.client.workflow.getHandle(`market:${marketId}`).signal(name)
const writeRow = (marketId: string): Promise<unknown> =>
  worker.pool.query(
    `insert into markets (market_id, condition_id, slug, question, status, tick_size, min_order_size, neg_risk)
     values ($1, $1, $1, $1, 'active', 0.01, 5, false) on conflict do nothing`,
    [marketId],
  )
const override = async (marketId: string): Promise<string | null | undefined> =>
  (await worker.pool.query<{ subscription_override: string | null }>('select subscription_override from markets where market_id = $1', [marketId])).rows[0]?.subscription_override // prettier-ignore
const untilOverride = (marketId: string, expected: string | null): Promise<true> =>
  until(async () => (await override(marketId)) === expected || undefined)

const hook = (markets: string[]): Promise<Response> => {
  const body = JSON.stringify({ markets })
  const headers = signatureHeaders({ timestampMs: Date.now(), body, secret: SECRET })
  return fetch(`${url}/hooks/markets`, { method: 'POST', body, headers })
}

const E1 = 'event-30001'
const E2 = 'event-30002'

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'polytape-policy-'))
  await setPolicy({ events: [E1] })
  emulator = await openEmulator({ marketCount: 240, rate: 0, levelCount: 2 })
  worker = await openControlWorker([], undefined)
  const env = { POLYMARKET_GAMMA_URL: emulator.urls.gamma, POLYTAPE_POLICY: join(folder, 'policy.json') }
  expect(await worker.start({ ...env, HOOKS_SECRET: SECRET, HTTP_PORT: '0' }), worker.logged()).toBe(true)
  url = /HTTP at (http:\/\/[\d.:]+)/.exec(worker.logged())?.[1] ?? ''
  await worker.client.schedule.getHandle('refreshCatalog').pause('a test')
})
afterAll(async () => {
  await worker[Symbol.asyncDispose]()
  await emulator[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

describe('discovery', () => {
  test('records what the file names: events, series and tags over more pages than one, without what is excluded', async () => {
    await untilRunning(inEvent(E1))
    const series = ids(open().filter((market) => market.series === 'series-1'))
    expect(series.length).toBeGreaterThan(8)
    const excluded = inEvent(E2)
    const given = { events: [E1, 'no-such-event'], series: ['series-1'], tags: ['crypto'], exclude: { events: [E2], markets: [series[0]] } } // prettier-ignore
    await setPolicy(given)
    const wanted = [...new Set([...inEvent(E1), ...series, ...tagged('crypto')])].filter(
      (marketId) => !excluded.includes(marketId) && marketId !== series[0],
    )
    expect(await refresh()).toMatchObject({
      wanted: wanted.length,
      unmatched: ['events "no-such-event"'],
      isCut: false,
    })
    await untilRunning(wanted)
    await setPolicy({ tags: ['all'], max: 60 })
    expect(await refresh()).toMatchObject({ wanted: 60 })
    const oldest = open().map(({ marketId }) => marketId).toSorted((left, right) => Number(left) - Number(right)) // prettier-ignore
    await untilRunning(oldest.slice(0, 60))
    await setPolicy({ events: [E1] })
    expect(await refresh()).toMatchObject({ wanted: 4, ended: 56 })
    await untilRunning(inEvent(E1))
    const said = (): number =>
      worker.logged().split('no-such-event\\", of which the venue lists no order book').length - 1
    await until(async () => said() > 0)
    expect(said()).toBe(1)
    const shown = await worker.temporal('workflow', 'result', '--workflow-id', 'refresh-2')
    expect(shown).toMatch(/isCut.*promised|promised.*isCut/s)
  })

  test('ends nothing where a listing was cut short, though it shows less than before', async () => {
    await setPolicy({ events: [E1], tags: ['weather'] })
    await refresh()
    const before = [...new Set([...inEvent(E1), ...tagged('weather')])].toSorted()
    await untilRunning(before)
    await setPolicy({ events: [E1], series: ['series-2'] })
    emulator.cutLists(1)
    const series = ids(open().filter((market) => market.series === 'series-2'))
    const unwanted = before.filter((marketId) => !inEvent(E1).includes(marketId) && !series.includes(marketId))
    expect(unwanted.length).toBeGreaterThan(20)
    expect(await refresh()).toMatchObject({ isCut: true, ended: 0, kept: unwanted.length })
    expect((await running()).filter((marketId) => before.includes(marketId))).toEqual(before)
    await setPolicy({ events: [E1] })
    expect(await refresh()).toMatchObject({ isCut: false })
    await untilRunning(inEvent(E1))
  })

  test('keeps the last good policy where an edit does not fit, and says so each time', async () => {
    await setPolicy('{"events":["event-30002"]')
    expect(await refresh()).toMatchObject({ wanted: 4, started: 0, ended: 0, problem: expect.stringContaining('not JSON') as string }) // prettier-ignore
    await until(async () => worker.logged().includes('the last good policy stays in force'))
    expect(await running()).toEqual(inEvent(E1))
  })

  test('leaves a market that closed to its own workflow', async () => {
    const [, marketId = ''] = inEvent(E1)
    emulator.closeMarket(marketId)
    await setPolicy({ events: [E1] })
    expect(await refresh()).toMatchObject({ wanted: 3, ended: 0, kept: 1 })
    expect(await running()).toContain(marketId)
  })

  test('touches nothing that an operator started, paused or stopped by hand', async () => {
    const [paused = '', stopped = '', named = ''] = inEvent(E1)
    const own = inEvent(E2)[0] ?? ''
    for (const marketId of [paused, stopped, named, own]) await writeRow(marketId)
    const start = { taskQueue: 'control', workflowId: `market:${own}`, args: [{ marketId: own }] }
    await worker.client.workflow.start('marketSubscription', start)
    await signal(paused, 'pause')
    await signal(stopped, 'stop')
    await untilOverride(paused, 'paused')
    await untilOverride(stopped, 'stopped')
    // Discovery goes by what the server lists, and that lags.
    await until(async () => {
      const ids = await running()
      return ids.includes(own) && !ids.includes(stopped) && (await listed(`MarketState = 'paused'`)).includes(paused)
    })
    expect(await refresh()).toMatchObject({ started: 0, ended: 0, left: 2 })
    expect(await running()).not.toContain(stopped)

    await setPolicy({ markets: [named] })
    expect(await refresh()).toMatchObject({ started: 0, ended: 0 })
    expect(await running()).toEqual(expect.arrayContaining([paused, own, named]))

    const again = { taskQueue: 'control', workflowId: `market:${stopped}`, args: [{ marketId: stopped }] }
    await worker.client.workflow.start('marketSubscription', again)
    await untilOverride(stopped, null)
    await until(async () => (await running()).includes(stopped))
    expect(await refresh()).toMatchObject({ started: 0, ended: 0 })
    expect(await running()).toContain(stopped)

    await signal(paused, 'resume')
    await untilOverride(paused, null)
    await until(async () => (await refresh()).ended === 1)
    await until(async () => !(await running()).includes(paused))
  })

  test('starts what is announced and wanted by its event at once, however often it is told', async () => {
    const marketId = emulator.addMarket(0)
    const announced = emulator.catalogue.byKey({ marketId })
    await setPolicy({ events: [`event-${announced?.eventId ?? ''}`] })
    const publishing = worker.redis.pipeline()
    for (let count = 0; count < 5; count++) publishing.publish(CATALOG_CHANGES_CHANNEL, marketId)
    await publishing.exec()
    await until(async () => (await running()).includes(marketId) || undefined)
    const runs = await until(async () => {
      const found: string[] = []
      const query = "WorkflowType = 'refreshCatalog' AND WorkflowId STARTS_WITH 'refreshCatalog:changes:'"
      for await (const { workflowId } of worker.client.workflow.list({ query })) found.push(workflowId)
      return found.length > 0 && found
    })
    expect(runs).toHaveLength(1)
  })

  test('starts what a webhook tells of and the policy names, and nothing else', async () => {
    await setPolicy({ tags: ['politics'] })
    const [wanted = ''] = tagged('politics')
    const unwanted = tagged('sports').at(-1) ?? ''
    expect((await hook([wanted, unwanted])).status).toBe(202)
    await until(async () => (await running()).includes(wanted) || undefined)
    expect(await running()).not.toContain(unwanted)
    await worker.client.schedule.getHandle('refreshCatalog').unpause('done')
  })
})
