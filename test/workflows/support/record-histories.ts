/**
 * Writes test/workflows/histories/<name>.json from real runs:
 * `npm run record:histories -- [name …]` (no name = all). A new workflow that a
 * schedule starts is one line in SCHEDULED; its activities go to stub-activities.ts.
 * Record anew only what a deliberate, patched change makes obsolete; old histories are what is running in production.
 */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { WorkflowHandle } from '@temporalio/client'
import { openControlPlane, until, type ControlPlane } from './control-plane.ts'
import { noticeOf } from './stub-activities.ts'
import { temporalCli } from './temporal.ts'

const folder = new URL('../histories/', import.meta.url)

const run = promisify(execFile)
const wanted = new Set(process.argv.slice(2))

/** By the CLI, whose JSON is the form that the UI downloads and that replay takes. */
const record = async (name: string, handle: WorkflowHandle, plane: ControlPlane): Promise<void> => {
  if (wanted.size > 0 && !wanted.has(name)) return
  const { runId } = await handle.describe()
  const asked = ['workflow', 'show', '--workflow-id', handle.workflowId, '--run-id', runId, '--output', 'json']
  const { stdout } = await run(temporalCli(), [...asked, '--address', plane.address], { maxBuffer: 64 * 1024 * 1024 })
  await writeFile(new URL(`${name}.json`, folder), JSON.stringify(JSON.parse(stdout)))
  console.log(name)
}

const settled = (handle: WorkflowHandle): Promise<unknown> => handle.result().catch(() => undefined)
const observation = (marketId: string, state: string) => ({ marketId, state, sequence: 1, atTimeMs: 1, feedEpoch: 'e' })

const recordEnrolled = async (plane: ControlPlane): Promise<void> => {
  const market = { marketId: '4', conditionId: '0x01', slug: 'four', question: 'Four?', tokens: ['41', '42'] }
  const enrolled = { group: 2, generation: 1_795_000_000_000 }
  const handle = await plane.startMarket('4', { origin: 'policy', market, enrolled })
  await handle.signal('observed', observation('4', 'live'))
  await handle.executeUpdate('setState', { args: [{ state: 'paused' }] })
  await record('market-enrolled', handle, plane)
}

/** Cancelled before its first desire was answered. */
const recordUnanswered = async (plane: ControlPlane): Promise<void> => {
  plane.stubs.applyMs = 3_000
  const handle = await plane.startMarket('6', { origin: 'policy' })
  await until(async () => plane.stubs.named('applySubscription', '6').length > 0)
  plane.stubs.applyMs = 0
  await handle.cancel()
  await settled(handle)
  await record('market-cancelled-unanswered', handle, plane)
}

const recordResolved = async (plane: ControlPlane): Promise<void> => {
  const handle = await plane.startMarket('5')
  await until(async () => plane.stubs.named('recordOverride', '5').length > 0)
  const alert = { alertId: 'feed:0:a', state: 'raised', reason: 'no report within 15 s', atTimeMs: 1 }
  await handle.signal('feedAlert', alert)
  await handle.signal('feedAlert', { ...alert, state: 'recovered' })
  await handle.signal('observed', observation('5', 'resolved'))
  await settled(handle)
  await record('market-resolved', handle, plane)

  const late = await plane.startMarket('410')
  await settled(late)
  await record('market-already-resolved', late, plane)
}

const recordMarkets = async (plane: ControlPlane): Promise<void> => {
  const { stubs } = plane
  const startMarket = (marketId: string, more?: object) => plane.startMarket(marketId, more)
  const stateOf = (handle: WorkflowHandle) => plane.stateOf(handle)
  const life = await startMarket('1')
  await until(async () => stubs.named('applySubscription', '1').length > 0)
  await life.signal('observed', observation('1', 'live'))
  await life.signal('pause')
  await until(async () => (await stateOf(life)) === 'paused')
  await life.signal('setDepth', 5)
  await life.signal('reassert')
  await life.executeUpdate('setState', { args: [{ state: 'active' }] })
  await life.executeUpdate('inspect')
  await record('market-running', life, plane)
  await life.signal('stop')
  await settled(life)
  await record('market-stopped', life, plane)

  stubs.applyMs = 300
  const hasty = await startMarket('2', { origin: 'policy' })
  await until(async () => stubs.named('loadMarket', '2').length > 0)
  for (const name of ['pause', 'resume', 'pause']) await hasty.signal(name)
  await until(async () => (await stateOf(hasty)) === 'paused')
  await hasty.cancel()
  await settled(hasty)
  stubs.applyMs = 0
  await record('market-superseded-and-cancelled', hasty, plane)

  await recordUnanswered(plane)
  await recordEnrolled(plane)
  await recordResolved(plane)

  const unknown = await startMarket('404')
  await settled(unknown)
  await record('market-unknown', unknown, plane)

  const long = await startMarket('3')
  const { runId } = await long.describe()
  const current = plane.client.workflow.getHandle('market:3')
  for (let round = 0; round < 70; round++) {
    await Promise.all(Array.from({ length: 25 }, () => current.signal('observed', observation('3', 'live'))))
  }
  await until(async () => (await current.describe()).runId !== runId, 20_000)
  await record('market-continued-as-new', plane.client.workflow.getHandle('market:3', runId), plane)
}

const start = (plane: ControlPlane, type: string, workflowId: string, args: unknown[]): Promise<WorkflowHandle> =>
  plane.client.workflow.start(type, { taskQueue: 'control', workflowId, args })

const recordOwners = async (plane: ControlPlane): Promise<void> => {
  const { runs } = plane.stubs
  for (const [type, workflowId, input] of [
    ['feed', 'feed:0:a', { group: 0, replica: 'a' }],
    ['normalizer', 'normalizer:0', { shard: 0 }],
    ['trades', 'trades:0', {}],
  ] as const) {
    const before = runs.count
    const handle = await start(plane, type, workflowId, [input])
    await until(async () => runs.count > before)
    runs.isReturning = true
    await until(async () => runs.count > before + 1)
    await handle.cancel()
    await settled(handle)
    await record(type, handle, plane)
  }
}

/** Workflows that end by themselves: name of the history, type, input. */
const SCHEDULED: [name: string, type: string, args: unknown[]][] = [
  ['refresh-catalog', 'refreshCatalog', []],
  ['maintain-partitions-retention', 'maintainPartitions', []],
]

const recordScheduled = async (plane: ControlPlane): Promise<void> => {
  for (const [name, type, args] of SCHEDULED) {
    const handle = await start(plane, type, type, args)
    await settled(handle)
    await record(name, handle, plane)
  }
  const changed = await start(plane, 'refreshCatalog', 'changes', [{ markets: ['7', '404'] }])
  await settled(changed)
  await record('refresh-catalog-changes', changed, plane)
}

const recordAlerts = async (plane: ControlPlane): Promise<void> => {
  const { stubs } = plane
  stubs.notices = [noticeOf('1')]
  stubs.webhook = ['unavailable', 'never']
  for (const name of ['check-heartbeats', 'check-heartbeats-again']) {
    const check = await start(plane, 'checkHeartbeats', 'checkHeartbeats', [])
    await settled(check)
    await record(name, check, plane)
  }
  const notify = plane.client.workflow.getHandle('feedAlert:1:raised')
  await settled(notify)
  await record('notify-feed-alert-given-up', notify, plane)
  const delivered = await start(plane, 'notifyFeedAlert', 'feedAlert:2:paged', [noticeOf('2', 'paged')])
  await settled(delivered)
  await record('notify-feed-alert', delivered, plane)
}

const recordDeliveries = async (plane: ControlPlane): Promise<void> => {
  const { stubs } = plane
  stubs.webhook = ['unavailable']
  const delivered = await start(plane, 'deliverAlert', 'alert:1', [{ eventId: '1' }])
  await settled(delivered)
  await record('deliver-alert', delivered, plane)
  stubs.webhook = ['never']
  const refused = await start(plane, 'deliverAlert', 'alert:2', [{ eventId: '2' }])
  await settled(refused)
  await record('deliver-alert-given-up', refused, plane)
}

const recordBackfill = async (plane: ControlPlane): Promise<void> => {
  const input = { market: '7', from: '2026-11-01T00:00:00.000Z', to: '2026-11-26T00:00:00.000Z' }
  const handle = await start(plane, 'backfillTrades', 'backfillTrades:7', [input])
  await settled(handle)
  await record('backfill-trades', handle, plane)
}

const recordImports = async (plane: ControlPlane): Promise<void> => {
  const file = await start(plane, 'importPmxt', 'importPmxt:file', [
    { origin: '/tmp/hour.parquet', markets: ['6', '7', '8'] },
  ])
  await settled(file)
  await record('import-pmxt', file, plane)
  const refused = await start(plane, 'importPmxt', 'importPmxt:nowhere', [{ origin: '/nowhere.parquet' }])
  await settled(refused)
  await record('import-pmxt-refused', refused, plane)
  const prices = await start(plane, 'importPrices', 'importPrices:7', [{ market: '7', to: '2026-11-26T00:00:00.000Z' }])
  await settled(prices)
  await record('import-prices', prices, plane)
}

const recordArchive = async (plane: ControlPlane): Promise<void> => {
  const { archive } = plane.stubs
  const name = { table: 'order_books', day: '2026-10-01', part: 0 }
  archive.plans = [
    [
      { ...name, type: 'write' },
      { ...name, day: '2026-10-02', type: 'write' },
    ],
    [{ ...name, day: '2026-10-02', type: 'drop' }],
  ]
  archive.verdicts = [
    { type: 'differs', detail: 'rows' },
    { type: 'differs', detail: 'rows' },
  ]
  const failed = await start(plane, 'archivePartitions', 'archivePartitions', [{ day: '2026-10-01' }])
  await settled(failed)
  await record('archive-partitions', failed, plane)
  const restored = await start(plane, 'restorePartition', 'restorePartition', [{ day: '2026-10-01' }])
  await settled(restored)
  await record('restore-partition', restored, plane)
}

const recordEverything = async (plane: ControlPlane): Promise<void> => {
  const handle = await start(plane, 'setEverything', 'everything', [{ state: 'paused' }])
  await settled(handle)
  await record('set-everything', handle, plane)
}

await mkdir(folder, { recursive: true })
{
  await using plane = await openControlPlane()
  await recordMarkets(plane)
  await recordOwners(plane)
  await recordScheduled(plane)
  await recordAlerts(plane)
  await recordDeliveries(plane)
  await recordEverything(plane)
  await recordBackfill(plane)
  await recordImports(plane)
  await recordArchive(plane)
}
process.exit()
