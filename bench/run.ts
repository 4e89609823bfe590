import { parseArgs } from 'node:util'
import { sweepTestFolders } from '../test/support/services-folder.ts'
import { SCENARIOS } from './scenarios/index.ts'
import { measureParts, partsScenario, type MeasuredParts } from './scenarios/parts.ts'
import type { Figure } from './support/figure.ts'
import { loadOfMinute } from './support/machine.ts'
import { openReport } from './support/report.ts'
import type { Given, Scenario } from './support/scenario.ts'
import { summaryOf, tableOf, type Outcome } from './support/table.ts'

const USAGE = `usage: npm run bench -- [options]

  --only <scenario,…>   only these: parts, ${SCENARIOS.map(({ name }) => name).join(', ')}
  --quick               seconds instead of minutes: to see that all of it works, not to compare
  --rate <frames/s>     of throughput: this rate, instead of a search for the highest
  --seconds <n>         how long a rate is kept up
  --shards <n>          normalizers, each a process of its own (default 1)

Prints a table and writes bench-results/<time>.json. Exit code 1 where a scenario could not be carried out.`

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    only: text,
    quick: { type: 'boolean', default: false },
    rate: text,
    seconds: text,
    shards: { ...text, default: '1' },
    help: { type: 'boolean', default: false },
  },
})

const positive = (name: string, given: string | undefined): number | undefined => {
  if (given === undefined) return undefined
  const value = Number(given)
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} takes a number above 0, not "${given}"`)
  return value
}

const chosen = (all: Scenario[], only: string | undefined): Scenario[] => {
  if (only === undefined) return all
  return only.split(',').map((name) => {
    const found = all.find((scenario) => scenario.name === name.trim())
    if (found === undefined) throw new Error(`there is no scenario ${name}: ${all.map((one) => one.name).join(', ')}`)
    return found
  })
}

const onceOnly = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

const runOne = async ({ name, what, run }: Scenario, given: Given): Promise<Outcome> => {
  const [startMs, before] = [performance.now(), loadOfMinute()]
  let figures: Figure[] = []
  let failure: string | undefined
  try {
    figures = await run(given)
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error)
  }
  const seconds = (performance.now() - startMs) / 1_000
  return { name, what, seconds, load: [before, loadOfMinute()], figures, failure }
}

const main = async (): Promise<number> => {
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  const isQuick = values.quick
  const measured = onceOnly((): Promise<MeasuredParts> => measureParts(isQuick))
  const scenarios = chosen([partsScenario(measured), ...SCENARIOS], values.only)
  const given: Omit<Given, 'say'> = {
    isQuick,
    rate: positive('rate', values.rate),
    seconds: positive('seconds', values.seconds),
    shards: positive('shards', values.shards) ?? 1,
    parts: async () => (await measured()).rates,
  }
  await sweepTestFolders()
  const report = await openReport(values)
  const outcomes: Outcome[] = []
  for (const scenario of scenarios) {
    console.log(`\n… ${scenario.name}: ${scenario.what}`)
    const outcome = await runOne(scenario, { ...given, say: (line) => console.log(`    ${line}`) })
    outcomes.push(outcome)
    report.write(outcomes)
    for (const line of tableOf(outcome)) console.log(line)
  }
  for (const line of summaryOf(outcomes)) console.log(line)
  console.log(`\n${report.path}`)
  return outcomes.some(({ failure }) => failure !== undefined) ? 1 : 0
}

try {
  process.exit(await main())
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
  process.exit(1)
}
