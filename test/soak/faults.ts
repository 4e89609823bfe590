import { parseArgs } from 'node:util'
import { failuresOf, notesOf, summaryOf } from '../support/faults/report.ts'
import { runFaults } from '../support/faults/run.ts'
import { createSay, endSoak } from '../support/soak.ts'

/** `npm run soak:faults -- --faults 1000`: random faults of the venue against the whole product. */
const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    faults: { ...text, default: '1000' },
    'per-second': { ...text, default: '4' },
    markets: { ...text, default: '60' },
    rate: { ...text, default: '300' },
    seed: { ...text, default: String(Date.now() % 1_000_000) },
  },
})

const seed = Number(values.seed)
const report = await runFaults({
  markets: Number(values.markets),
  rate: Number(values.rate),
  faults: Number(values.faults),
  perSecond: Number(values['per-second']),
  seed,
  without: [],
  say: createSay(),
})
for (const line of summaryOf(report)) console.log(line)
for (const note of notesOf(report)) console.log(`note ${note}`)
endSoak(failuresOf(report), `; repeat with --seed ${seed}`)
