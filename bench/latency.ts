import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openSystem, until, type System } from '../test/support/system.ts'
import { cpuOf, figuresOf, TICKS_PER_SECOND, type Figures } from './support/processes.ts'
import { column, tellStages } from './support/stages.ts'

/**
 * Venue timestamp to hot cache and to commit, by stage, and CPU by process, with emulator, databases and Temporal on this
 * machine. The lines while it runs are percentiles of the normalizer's window (10 to 20 s); those at the end are of the
 * whole run after a warm-up of 20 s, from buckets: a figure is the upper bound of its bucket.
 */
const { values } = parseArgs({
  options: {
    markets: { type: 'string', default: '200' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
  },
})
const WARM_UP_MS = 20_000
const SAMPLE_MS = 10_000
/** Of all cores together, in seconds: busy, and given to other machines by the host (nothing here could run then). */
const machineSeconds = (): { busy: number; stolen: number } => {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] = (
    readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return { busy: (user + nice + system + irq + softirq) / TICKS_PER_SECOND, stolen: stolen / TICKS_PER_SECOND }
}

type Cpu = { timeMs: number; processes: Map<string, number>; busy: number; stolen: number }

const takeCpu = (system: System): Cpu => ({ timeMs: Date.now(), processes: cpuOf(system), ...machineSeconds() })

/** `others`: the kernel, this program, the supervisor, and whatever else runs: much of it makes a run worthless. */
const tellCpu = (now: Cpu, before: Cpu): void => {
  const share = (seconds: number): string => ((seconds / (now.timeMs - before.timeMs)) * 100_000).toFixed(1)
  const spent = [...now.processes].map(([name, seconds]) => ({
    name,
    seconds: seconds - (before.processes.get(name) ?? 0),
  }))
  const ours = spent.reduce((sum, { seconds }) => sum + seconds, 0)
  const shares = spent.map(({ name, seconds }) => `${name} ${share(seconds)}`)
  console.log(`CPU, percent of one core: ${shares.join(', ')}, others ${share(now.busy - before.busy - ours)}`)
  console.log(`stolen by the host: ${share(now.stolen - before.stolen)}`)
}

const PROOFS = ['batchesVerified', 'batchesUnverifiable', 'batchesMismatched', 'checksShed', 'hashSearches', 'gaps']

/** What was proved, and what it cost of the normalizer's CPU (time in hashes, searches included). */
const tellProof = (now: Figures, before: Figures, cpuSeconds: number): void => {
  const since = (name: string): number => (now[name] ?? 0) - (before[name] ?? 0)
  console.log(PROOFS.map((name) => `${name} ${since(name)}`).join(', '))
  const share = since('verifyMs') / (cpuSeconds * 10)
  console.log(`verification: ${share.toFixed(1)} % of the normalizer's CPU`)
}

const tellWindow = (now: Figures, first: Figures, startMs: number): void => {
  const framesPerSecond = (((now['frames'] ?? 0) - (first['frames'] ?? 0)) / (Date.now() - startMs)) * 1000
  const cells = [now['cacheP50Ms'], now['cacheP99Ms'], now['commitP50Ms'], now['commitP99Ms']]
  const latencies = cells.map((value) => column(value, 12)).join('')
  console.log(`${column(framesPerSecond.toFixed(0), 10)}${latencies}${column(loadavg()[0]?.toFixed(2), 15)}`)
}

const main = async (): Promise<void> => {
  const { markets, rate } = values
  const args = ['--venue', 'emulator', '--emulator-markets', markets, '--emulator-rate', rate, '--top', markets]
  await using system = await openSystem({ args, env: {} })
  const beganMs = Date.now()
  await until('all books', async () => {
    const { marketsWithBook } = await figuresOf(system, 'normalizer')
    return (marketsWithBook ?? 0) >= Number(markets) ? true : undefined
  })
  console.log(`${markets} markets live and proved ${((Date.now() - beganMs) / 1000).toFixed(1)} s after run.json`)
  await sleep(WARM_UP_MS)
  const cpuBefore = takeCpu(system)
  const startMs = Date.now()
  const first = await figuresOf(system, 'normalizer')
  console.log('  frames/s   cache p50   cache p99  commit p50  commit p99   load (1 min)')
  for (let at = 0; at < Number(values.seconds) * 1000; at += SAMPLE_MS) {
    await sleep(SAMPLE_MS)
    tellWindow(await figuresOf(system, 'normalizer'), first, startMs)
  }
  const last = await figuresOf(system, 'normalizer')
  const seconds = (Date.now() - startMs) / 1000
  tellStages(last, first)
  const commits = (last['commits'] ?? 0) - (first['commits'] ?? 0)
  const rows = (last['rows'] ?? 0) - (first['rows'] ?? 0)
  console.log(`commits/s ${(commits / seconds).toFixed(1)}, rows/s ${(rows / seconds).toFixed(0)}`)
  const cpu = takeCpu(system)
  tellCpu(cpu, cpuBefore)
  tellProof(last, first, (cpu.processes.get('normalizer') ?? 0) - (cpuBefore.processes.get('normalizer') ?? 0))
}

await main()
process.exit(0)
