import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openSystem, until, type System } from '../test/support/system.ts'
import { expectDone, lastedMs, runTemporal, statusOfWorkflow } from '../test/support/temporal-command.ts'
import { fillBookDay } from './support/book-day.ts'
import { figuresOf, memoryOf, processesOf } from './support/processes.ts'
import { tellStages } from './support/stages.ts'

/**
 * A day archived by its workflow, sealed, written, uploaded, read back and proved, while 200 markets are recorded: latency
 * before and meanwhile, rows a second of the whole run by the clock of Temporal, and the memory of the role.
 */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    rate: { type: 'string', default: '1000' },
    markets: { type: 'string', default: '200' },
  },
})
const BEFORE_MS = 20_000
const DAYS_AGO = 40
const HOUR_MS = 3_600_000
const day = new Date(Date.now() - DAYS_AGO * 24 * HOUR_MS).toISOString().slice(0, 10)
const id = `archive:${day}`

const tellWhile = async (system: System, what: string, wait: () => Promise<unknown>): Promise<void> => {
  const first = await figuresOf(system, 'normalizer')
  await wait()
  console.log(`${what}, load ${loadavg()[0]?.toFixed(2)}`)
  tellStages(await figuresOf(system, 'normalizer'), first)
}

const archive = async (system: System): Promise<void> => {
  const given = ['--type', 'archivePartitions', '--task-queue', 'control', '--input', JSON.stringify({ day })]
  expectDone(await runTemporal(system, 'workflow', 'start', '--workflow-id', id, ...given))
  const ended = async (): Promise<boolean> => (await statusOfWorkflow(system, id)) !== 'RUNNING'
  await until('the archive', async () => ((await ended()) ? true : sleep(1_000)), HOUR_MS)
}

const tellArchive = async (system: System): Promise<void> => {
  const status = await statusOfWorkflow(system, id)
  const tookMs = await lastedMs(system, id)
  const { rows } = await system
    .pool()
    .query<{ rows: number; bytes: number }>('select rows::int, bytes::int from archives where day = $1', [day])
  const [part] = rows
  const count = part?.rows ?? 0
  const rate = Math.round((count / tookMs) * 1_000).toLocaleString('en-US')
  console.log(`${status}: ${count.toLocaleString('en-US')} rows in ${(tookMs / 1_000).toFixed(1)} s, ${rate} rows/s`)
  console.log(`${((part?.bytes ?? 0) / count).toFixed(2)} bytes a row`)
  console.log('memory in MB:', memoryOf(processesOf(system)).get('archive'))
}

const main = async (): Promise<void> => {
  const { rows, rate, markets } = values
  const args = ['--venue', 'emulator', '--emulator-markets', markets, '--emulator-rate', rate, '--top', markets]
  await using system = await openSystem({ args, env: {} })
  await fillBookDay(system.pool(), day, Number(rows), Number(markets))
  console.log(`${rows} rows of ${day} are in Postgres`)
  await sleep(BEFORE_MS)
  await tellWhile(system, 'before', () => sleep(BEFORE_MS))
  await tellWhile(system, 'meanwhile', () => archive(system))
  await tellArchive(system)
}

await main()
process.exit(0)
