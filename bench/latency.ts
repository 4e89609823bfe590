import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openSystem, until, type System } from '../test/support/system.ts'

/**
 * Venue timestamp to hot cache and to commit, and CPU by process, with emulator, databases and Temporal on this machine.
 * Percentiles are those of the normalizer's window (10 to 20 s), sampled every 10 s after a warm-up of 20 s.
 */
const { values } = parseArgs({
  options: {
    markets: { type: 'string', default: '200' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
  },
})
const TICKS_PER_SECOND = 100
const WARM_UP_MS = 20_000
const SAMPLE_MS = 10_000

const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

const processes = (system: System): { name: string; pid: number }[] => {
  const { processes: roles, servers } = system.run()
  return [...roles.map(({ role, pid }) => ({ name: role, pid })), ...servers]
}

const figuresOf = async (system: System, role: string): Promise<Record<string, number>> => {
  const redis = system.redis()
  const [key] = await redis.keys(`stats:${role}:*`)
  return JSON.parse((await redis.get(key ?? '')) ?? '{}') as Record<string, number>
}

const column = (value: string | number | undefined, width: number): string => String(value ?? '–').padStart(width)

const main = async (): Promise<void> => {
  const { markets, rate } = values
  const args = ['--venue', 'emulator', '--emulator-markets', markets, '--emulator-rate', rate, '--top', markets]
  await using system = await openSystem({ args, env: {} })
  const beganMs = Date.now()
  const wanted = Number(markets)
  await until('all books', async () => {
    const { marketsWithBook } = await figuresOf(system, 'normalizer')
    return (marketsWithBook ?? 0) >= wanted ? true : undefined
  })
  console.log(
    `${markets} markets with verified continuity ${((Date.now() - beganMs) / 1000).toFixed(1)} s after run.json`,
  )
  await sleep(WARM_UP_MS)
  const before = new Map(processes(system).map(({ name, pid }) => [name, cpuSeconds(pid)]))
  const startMs = Date.now()
  const first = await figuresOf(system, 'normalizer')
  console.log('  frames/s   cache p50   cache p99  commit p50  commit p99   load (1 min)')
  for (let at = 0; at < Number(values.seconds) * 1000; at += SAMPLE_MS) {
    await sleep(SAMPLE_MS)
    const now = await figuresOf(system, 'normalizer')
    const framesPerSecond = (((now['frames'] ?? 0) - (first['frames'] ?? 0)) / (Date.now() - startMs)) * 1000
    const cells = [now['cacheP50Ms'], now['cacheP99Ms'], now['commitP50Ms'], now['commitP99Ms']]
    const latencies = cells.map((value) => column(value, 12)).join('')
    console.log(`${column(framesPerSecond.toFixed(0), 10)}${latencies}${column(loadavg()[0]?.toFixed(2), 15)}`)
  }
  const seconds = (Date.now() - startMs) / 1000
  console.log('CPU, percent of one core (a server that forks counts its first process only):')
  for (const { name, pid } of processes(system)) {
    const share = ((cpuSeconds(pid) - (before.get(name) ?? 0)) / seconds) * 100
    console.log(`  ${name.padEnd(12)} ${share.toFixed(1)}`)
  }
}

await main()
process.exit(0)
