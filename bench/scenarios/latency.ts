import { setTimeout as sleep } from 'node:timers/promises'
import { atMost, figure, type Bound, type Figure } from '../support/figure.ts'
import { openLoad } from '../support/load.ts'
import { counted, secondsBetween, type Look } from '../support/look.ts'
import { loadOfMinute } from '../support/machine.ts'
import { hotBytes, partitionOf } from '../support/relation-sizes.ts'
import type { Scenario } from '../support/scenario.ts'
import { settledCheck } from '../support/settled.ts'
import { column, stagePercentile } from '../support/stages.ts'
import { costFigures, flowFigures, ourPercent, PERCENTS, percentName, stageFigures } from '../support/tell-run.ts'

export type LatencyOptions = { markets: number; rate: number; seconds: number; warmUpMs: number; shards: number }

export type LatencyBounds = { cacheP50: number; cacheP99: number; commitP99: number; ourPercent: number }

const SAMPLE_MS = 10_000

const asked = (value: number | undefined): { bound?: Bound } => (value === undefined ? {} : { bound: atMost(value) })

const latencyFigures = (before: Look, now: Look, bounds: Partial<LatencyBounds>): Figure[] => {
  const of = (stage: string, percent: number): number | undefined =>
    stagePercentile(before.normalizer, now.normalizer, stage, percent)
  const whole = (name: string, stage: string, wanted: Partial<Record<number, number>>): Figure[] =>
    PERCENTS.map((percent) =>
      figure(`${name} ${percentName(percent)}`, of(stage, percent), 'ms', asked(wanted[percent])),
    )
  const { cacheP50, cacheP99, commitP99 } = bounds
  const wanted = (percents: Record<number, number | undefined>): Partial<Record<number, number>> =>
    Object.fromEntries(Object.entries(percents).filter(([, value]) => value !== undefined))
  return [
    ...whole('venue → hot cache', 'cache', wanted({ 50: cacheP50, 99: cacheP99 })),
    ...whole('venue → commit', 'commit', wanted({ 99: commitP99 })),
    ...stageFigures(before, now),
  ]
}

const sayWindow = (first: Look, now: Look, say: (line: string) => void): void => {
  const framesPerSecond = counted(first.normalizer, now.normalizer, 'frames') / secondsBetween(first, now)
  const { cacheP50Ms, cacheP99Ms, commitP50Ms, commitP99Ms } = now.normalizer
  const cells = [cacheP50Ms, cacheP99Ms, commitP50Ms, commitP99Ms].map((value) => column(value, 6)).join('')
  say(
    `${column(framesPerSecond.toFixed(0), 8)} frames/s, p50 p99 cache, p50 p99 commit: ${cells} ms, load ${loadOfMinute()}`,
  )
}

/** @throws Error where what was recorded is not what the venue sent. */
export const measureLatency = async (
  options: LatencyOptions,
  bounds: Partial<LatencyBounds>,
  say: (line: string) => void,
): Promise<Figure[]> => {
  await using load = await openLoad({ ...options, say })
  const { recording } = load
  await load.setRate(options.rate)
  await sleep(options.warmUpMs)
  const before = await load.look()
  let now = before
  for (let leftMs = options.seconds * 1_000; leftMs > 0; leftMs -= SAMPLE_MS) {
    await sleep(Math.min(leftMs, SAMPLE_MS))
    now = await load.look()
    sayWindow(before, now, say)
  }
  const costs = costFigures(before, now)
  const checked = await settledCheck(recording)
  const figures = [
    ...latencyFigures(before, now, bounds),
    ...flowFigures(before, now),
    figure(
      'control, feed, normalizer, archive together',
      ourPercent(before, now),
      '% of a core',
      asked(bounds.ourPercent),
    ),
    ...costs,
    ...(await hotBytes(recording.pool, partitionOf(before.timeMs))),
    figure('differences from the ledger', checked.wrong.length, '', {
      bound: atMost(0),
      note: `${checked.outcomes} books, ${checked.rows.toLocaleString('en-US')} rows; ${checked.wrong.slice(0, 3).join('; ')}`,
    }),
  ]
  return figures
}

const latencyScenario = (rate: number, bounds: Partial<LatencyBounds>): Scenario => ({
  name: `latency-${rate}`,
  what: `venue to hot cache and to commit at ${rate.toLocaleString('en-US')} frames/s over 200 markets, and what it costs`,
  run: ({ isQuick, seconds, shards, say }) => {
    const lasting = seconds ?? (isQuick ? 15 : 60)
    const options = { markets: 200, rate, seconds: lasting, warmUpMs: isQuick ? 5_000 : 20_000, shards }
    return measureLatency(options, bounds, say)
  },
})

export const latency1000 = latencyScenario(1_000, { cacheP50: 8, cacheP99: 25, commitP99: 40, ourPercent: 70 })
export const latency5000 = latencyScenario(5_000, { cacheP99: 50, commitP99: 100 })
