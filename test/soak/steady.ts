import { parseArgs } from 'node:util'
import { measureSteady, type SteadyOptions } from '../../bench/scenarios/steady.ts'
import { verdictOf } from '../../bench/support/figure.ts'
import { loadOfMinute } from '../../bench/support/machine.ts'
import { openReport } from '../../bench/support/report.ts'
import { summaryOf, tableOf, type Outcome } from '../../bench/support/table.ts'

/** `npm run soak:steady -- --minutes 30`: memory, gaps and hourly work of a recorder that runs on and on. */
const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    minutes: { ...text, default: '30' },
    rate: { ...text, default: '2000' },
    markets: { ...text, default: '200' },
    shards: { ...text, default: '1' },
    'warm-up': { ...text, default: '5' },
    'work-every': { ...text, default: '4' },
    'archived-rows': { ...text, default: '300000' },
  },
})

const options: SteadyOptions = {
  minutes: Number(values.minutes),
  rate: Number(values.rate),
  markets: Number(values.markets),
  shards: Number(values.shards),
  warmUpMinutes: Number(values['warm-up']),
  workEveryMinutes: Number(values['work-every']),
  archivedRows: Number(values['archived-rows']),
}

const report = await openReport(values)
const [startMs, before] = [performance.now(), loadOfMinute()]
const outcomeOf = (done: Pick<Outcome, 'figures' | 'failure'>): Outcome => ({
  name: 'soak-steady',
  what: `${options.minutes} minutes at ${options.rate} frames/s over ${options.markets} markets, work forced every ${options.workEveryMinutes}`,
  seconds: (performance.now() - startMs) / 1_000,
  load: [before, loadOfMinute()],
  ...done,
})

const run = async (): Promise<Outcome> => {
  try {
    const figures = await measureSteady(options, (line) => console.log(`    ${line}`))
    return outcomeOf({ figures, failure: undefined })
  } catch (error) {
    return outcomeOf({ figures: [], failure: error instanceof Error ? error.message : String(error) })
  }
}

const outcome = await run()
report.write([outcome])
for (const line of [...tableOf(outcome), ...summaryOf([outcome])]) console.log(line)
console.log(`\n${report.path}`)
const holds = outcome.failure === undefined && outcome.figures.every((one) => verdictOf(one) !== 'missed')
process.exit(holds ? 0 : 1)
