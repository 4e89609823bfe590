import { openSystem } from '../../test/support/system.ts'
import { openVenueProcess } from '../../test/support/venue-process.ts'
import { atMost, figure, type Bound, type Figure } from '../support/figure.ts'
import { untilAllLive } from '../support/live.ts'
import { cpuOf, memoryOf, processesOf } from '../support/processes.ts'
import type { Given, Scenario } from '../support/scenario.ts'

const RATE = 200
/** From run.json, which names the addresses, until all market workflows are live. */
const MOST_LIVE_SECONDS = 60

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1_000)

const costs = (name: string, memoryMb: number, cpu: number): Figure =>
  figure(`  ${name}: memory`, memoryMb, 'MB', { note: `CPU until then ${cpu.toFixed(1)} s` })

const measureStart = async (markets: number, bound: { bound?: Bound }, { say }: Given): Promise<Figure[]> => {
  await using venue = await openVenueProcess(['--markets', String(markets), '--rate', String(RATE)])
  const startMs = Date.now()
  await using system = await openSystem({ args: ['--venue', 'live', '--top', String(markets)], env: venue.env })
  const readyMs = Date.now()
  const { firstBookMs, bookMs, workflowMs } = await untilAllLive(system, markets, readyMs, say)
  const [memory, cpu] = [memoryOf(processesOf(system)), cpuOf(processesOf(system))]
  const toFirstMs = firstBookMs === undefined ? undefined : readyMs - startMs + firstBookMs
  const note = 'figures come once a second'
  return [
    figure('npm start until its servers run', seconds(readyMs - startMs), 's', {
      note: 'a new database, a new cluster',
    }),
    figure('first book proved after npm start', seconds(toFirstMs), 's', { note }),
    figure(`all ${markets * 2} books proved, once servers run`, seconds(bookMs), 's', bound),
    figure(`all ${markets} workflows live, once servers run`, seconds(workflowMs), 's', bound),
    ...[...memory].map(([name, { nowMb }]) => costs(name, nowMb, cpu.get(name) ?? 0)),
  ]
}

const startScenario = (markets: number, bound: { bound?: Bound }): Scenario => ({
  name: `start-${markets}`,
  what: `from a start with nothing to the first and to all proved books, ${markets.toLocaleString('en-US')} markets`,
  run: (given) => measureStart(markets, bound, given),
})

export const start50 = startScenario(50, {})
export const start2000 = startScenario(2_000, { bound: atMost(MOST_LIVE_SECONDS) })
