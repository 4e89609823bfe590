import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { EverythingAnswer } from '../src/activities/everything.ts'
import { openSystem, until, type System } from '../test/support/system.ts'
import { runTemporal } from '../test/support/temporal-command.ts'
import { secondsText, untilAllLive } from './support/live.ts'
import { cpuOf, figuresOf, memoryOf, processesOf } from './support/processes.ts'

/**
 * Thousands of markets on one machine, with emulator, databases and Temporal beside them: how long until all are live, one
 * pause among them, everything paused and resumed, and what it costs while nothing happens.
 */
const { values } = parseArgs({
  options: {
    markets: { type: 'string', default: '2000' },
    rate: { type: 'string', default: '200' },
    idle: { type: 'string', default: '40' },
  },
})
/** Signals of what happened before are told, and quiet books are looked at less often. */
const SETTLE_MS = 65_000

const post = async (system: System, action: string): Promise<void> => {
  const log = readFileSync(system.folder.state.logPath('emulator'), 'utf8')
  const control = /"control":"([^"]+)"/.exec(log)?.[1]
  const { ok, status } = await fetch(`${control}/${action}`, { method: 'POST', body: '{}' })
  if (!ok) throw new Error(`the emulator expected to ${action}, answered ${status}`)
}

const setEverything = async (system: System, state: 'active' | 'paused'): Promise<void> => {
  const given = ['--workflow-id', 'everything', '--input', JSON.stringify({ state }), '--output', 'json']
  const asked = ['workflow', 'execute', '--type', 'setEverything', '--task-queue', 'control', ...given]
  const beganMs = Date.now()
  const command = runTemporal(system, ...asked)
  const turned = async (): Promise<true | undefined> =>
    (await redis.get('switch:everything'))?.startsWith(state) === true ? true : undefined
  const redis = system.redis()
  await until('the switch is turned', turned)
  const turnedMs = Date.now() - beganMs
  const { text, tookMs } = await command
  const { result } = JSON.parse(text) as { result: EverythingAnswer }
  console.log(
    `everything ${state}: ${JSON.stringify(result)}; turned after ${turnedMs} ms, answered after ${tookMs} ms`,
  )
}

/** Gaps of other markets while one is paused: there must be none. */
const pauseOne = async (system: System): Promise<void> => {
  const pool = system.pool()
  const { rows } = await pool.query<{ market_id: string }>('select market_id from quotes_live limit 1')
  const marketId = rows[0]?.market_id ?? ''
  const before = await figuresOf(system, 'feed')
  const began = new Date()
  await runTemporal(system, 'workflow', 'signal', '--workflow-id', `market:${marketId}`, '--name', 'pause')
  await sleep(5_000)
  const after = await figuresOf(system, 'feed')
  const gaps = await pool.query<{ others: string }>(
    'select count(*) filter (where market_id <> $1) as others from feed_gaps where detected_at >= $2',
    [marketId, began],
  )
  const subscribed = (before['marketsSubscribed'] ?? 0) - (after['marketsSubscribed'] ?? 0)
  console.log(`one market paused: ${subscribed} fewer subscribed, gaps of others ${gaps.rows[0]?.others}`)
}

const WORK: [role: string, name: string][] = [
  ['feed', 'frames'],
  ['feed', 'livenessPolls'],
  ['normalizer', 'frames'],
  ['normalizer', 'commits'],
  ['normalizer', 'marketsWithBook'],
]

/** What goes on though nothing happens. */
const takeWork = (system: System): Promise<number[]> =>
  Promise.all(WORK.map(async ([role, name]) => (await figuresOf(system, role))[name] ?? 0))

const tellIdle = async (system: System, idleMs: number): Promise<void> => {
  const before = cpuOf(processesOf(system))
  const workBefore = await takeWork(system)
  const startMs = Date.now()
  await sleep(idleMs)
  const tookMs = Date.now() - startMs
  const shares = [...cpuOf(processesOf(system))].map(([name, total]) => ({
    name,
    percent: ((total - (before.get(name) ?? 0)) / tookMs) * 100_000,
  }))
  console.log(
    `idle, CPU in percent of one core: ${shares.map(({ name, percent }) => `${name} ${percent.toFixed(1)}`).join(', ')}`,
  )
  const work = (await takeWork(system)).map((value, at) => value - (workBefore[at] ?? 0))
  console.log(`meanwhile: ${WORK.map(([role, name], at) => `${role} ${name} +${work[at]}`).join(', ')}`)
  const counted = shares.filter(({ name }) => !['emulator', 'redis', 'postgres'].includes(name.toLowerCase()))
  const total = counted.reduce((sum, { percent }) => sum + percent, 0)
  console.log(`Temporal and workers together: ${total.toFixed(1)} % of a core (load ${loadavg()[0]?.toFixed(2)})`)
}

const main = async (): Promise<void> => {
  const { markets, rate } = values
  const args = ['--venue', 'emulator', '--emulator-markets', markets, '--emulator-rate', rate, '--top', markets]
  await using system = await openSystem({ args, env: {} })
  const { bookMs, workflowMs } = await untilAllLive(system, Number(markets), Date.now(), console.log)
  console.log(
    `${markets} markets: books proved ${secondsText(bookMs)} s, workflows live ${secondsText(workflowMs)} s after run.json`,
  )
  const spent = [...cpuOf(processesOf(system))].map(([name, total]) => `${name} ${total.toFixed(1)}`)
  console.log(`CPU seconds until then: ${spent.join(', ')}`)
  await pauseOne(system)
  await post(system, 'pause')
  await sleep(SETTLE_MS)
  await tellIdle(system, Number(values.idle) * 1_000)
  const memory = [...memoryOf(processesOf(system))].map(
    ([name, { nowMb, highestMb }]) => `${name} ${nowMb} (${highestMb})`,
  )
  console.log(`memory in MB, now and highest: ${memory.join(', ')}`)
  await post(system, 'resume')
  await setEverything(system, 'paused')
  await sleep(2_000)
  await setEverything(system, 'active')
}

await main()
process.exit(0)
