import { parseArgs } from 'node:util'
import { failuresOf, summaryOf } from '../support/kills/report.ts'
import { runKills } from '../support/kills/run.ts'

/** `npm run soak:kills -- --kills 20`: SIGKILL of a random process of ours, again and again, under load. */
const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    kills: { ...text, default: '20' },
    markets: { ...text, default: '200' },
    rate: { ...text, default: '1000' },
    seed: { ...text, default: String(Date.now() % 1_000_000) },
  },
})

const seed = Number(values.seed)
const startedMs = Date.now()
const report = await runKills({
  markets: Number(values.markets),
  rate: Number(values.rate),
  kills: Number(values.kills),
  seed,
  say: (line) => console.log(`${((Date.now() - startedMs) / 1_000).toFixed(0).padStart(5)} s  ${line}`),
})
for (const line of summaryOf(report)) console.log(line)
const failures = failuresOf(report)
for (const failure of failures.slice(0, 40)) console.error(`FAILED ${failure}`)
if (failures.length > 40) console.error(`… and ${failures.length - 40} more`)
console.log(failures.length === 0 ? 'ok' : `${failures.length} failures; repeat with --seed ${seed}`)
process.exit(failures.length === 0 ? 0 : 1)
