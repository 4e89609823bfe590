import { parseArgs } from 'node:util'
import { failuresOf, summaryOf } from '../support/kills/report.ts'
import { runKills } from '../support/kills/run.ts'
import { createSay, endSoak } from '../support/soak.ts'

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
const report = await runKills({
  markets: Number(values.markets),
  rate: Number(values.rate),
  kills: Number(values.kills),
  seed,
  say: createSay(),
})
for (const line of summaryOf(report)) console.log(line)
endSoak(failuresOf(report), `; repeat with --seed ${seed}`)
