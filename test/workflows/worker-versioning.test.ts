import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { WorkflowHandle } from '@temporalio/client'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { Worker } from '@temporalio/worker'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/lib/log.ts'
import { controlOptions } from '../../src/workers/worker-options.ts'
import { loadWorkflowBundle } from '../../src/workers/workflow-bundle.ts'
import { until } from './support/control-plane.ts'
import { createStubs, type Stubs } from './support/stub-activities.ts'
import { openTemporal, temporalCli } from './support/temporal.ts'

const run = promisify(execFile)

let environment: TestWorkflowEnvironment
let folder: string
let bundlePath: string
const stubs: Stubs = createStubs()
const closing: (() => Promise<void>)[] = []

beforeAll(async () => {
  environment = await openTemporal()
  folder = await mkdtemp(join(tmpdir(), 'polytape-versioning-'))
  bundlePath = await loadWorkflowBundle(folder, createLog('test', 'error'))
  const { nativeConnection: connection } = environment
  await keepRunning(
    await Worker.create({
      connection,
      taskQueue: 'feed-a',
      activities: stubs.activities,
      maxHeartbeatThrottleInterval: '100ms',
    }),
  )
})
afterAll(async () => {
  for (const close of closing.toReversed()) await close()
  await environment.teardown()
  await rm(folder, { recursive: true })
})

const keepRunning = async (worker: Worker): Promise<void> => {
  const running = worker.run()
  closing.push(async () => {
    worker.shutdown()
    await running
  })
}

/** A control worker as the product configures it from this environment. */
const startControl = async (variables: NodeJS.ProcessEnv): Promise<void> => {
  const { nativeConnection: connection, namespace = 'default' } = environment
  const given = { connection, namespace, activities: stubs.activities }
  await keepRunning(await Worker.create(controlOptions(given, bundlePath, readConfig(variables))))
}
const versionOf = (buildId: string) => ({
  TEMPORAL_DEPLOYMENT_NAME: 'polytape',
  TEMPORAL_WORKER_BUILD_ID: buildId,
})

const start = (workflowType: string, workflowId: string, input: object): Promise<WorkflowHandle> =>
  environment.client.workflow.start(workflowType, { taskQueue: 'control', workflowId, args: [input] })

/** What an operator types; the server takes a version only once its worker has polled. */
const makeCurrent = (buildId: string): Promise<unknown> => {
  const words = ['worker', 'deployment', 'set-current-version', '--deployment-name', 'polytape', '--yes']
  return until(() =>
    run(temporalCli(), [...words, '--build-id', buildId, '--address', environment.address]).catch(() => undefined),
  )
}

/** Build that completed the newest workflow task. */
const buildOf = async (handle: WorkflowHandle): Promise<string | undefined> => {
  const { events = [] } = await handle.fetchHistory()
  const completed = events?.flatMap((event) => event.workflowTaskCompletedEventAttributes ?? [])
  return completed?.at(-1)?.deploymentVersion?.buildId ?? undefined
}

/** Asks the market for something until a worker of that build has done it. */
const untilServedBy = (market: WorkflowHandle, buildId: string): Promise<boolean> =>
  until(async () => {
    await market.signal('setDepth', 5)
    return (await buildOf(market)) === buildId
  })

test('a versioned control worker waits for its version to become the current one; live markets go over to it, and to the next', async () => {
  await startControl({})
  const market = await start('marketSubscription', 'market:1', { marketId: '1' })
  const feed = await start('feed', 'feed:0:a', { group: 0, replica: 'a' })
  await until(async () => stubs.named('applySubscription', '1').length === 1 && stubs.runs.count === 1)

  await startControl(versionOf('v1'))
  for (let round = 1; round <= 5; round++) {
    await market.signal('setDepth', round)
    await until(async () => (await market.query<{ depth: number }>('status')).depth === round)
  }
  expect(await buildOf(market), 'v1 is not current yet').toBeUndefined()
  await makeCurrent('v1')
  await untilServedBy(market, 'v1')

  await startControl(versionOf('v2'))
  await makeCurrent('v2')
  await untilServedBy(market, 'v2')
  await market.executeUpdate('setState', { args: [{ state: 'paused' }] })
  expect(await market.query<object>('status')).toMatchObject({ desired: 'paused', depth: 5, confirmed: true })
  const { events = [] } = await feed.fetchHistory()
  const runs = events?.flatMap((event) => event.activityTaskScheduledEventAttributes ?? [])
  expect(runs, 'runs of the feed, whose unversioned worker none of this concerns').toHaveLength(1)
  await feed.cancel()
  await until(async () => stubs.runs.drained > 0)
})

test('half of a version is refused', () => {
  expect(() => readConfig({ TEMPORAL_WORKER_BUILD_ID: 'v1' })).toThrow(
    'expected together with TEMPORAL_DEPLOYMENT_NAME',
  )
  expect(() => readConfig({ TEMPORAL_DEPLOYMENT_NAME: 'polytape' })).toThrow('TEMPORAL_WORKER_BUILD_ID')
})

test('without a version a worker takes tasks at once', () => {
  const given = { connection: environment.nativeConnection, namespace: 'default', activities: {} }
  expect(controlOptions(given, bundlePath, readConfig({}))).not.toHaveProperty('workerDeploymentOptions')
})
