import { LATENCY_BOUNDS_MS } from '../../src/normalizer/latency.ts'
import type { Figures } from './processes.ts'

const STAGES = ['receive', 'read', 'apply', 'show', 'cache', 'write', 'commit']

export const column = (value: string | number | undefined, width: number): string =>
  String(value ?? '–').padStart(width)

/** Frames by bucket of LATENCY_BOUNDS_MS between two looks. */
const countsBetween = (before: Figures, now: Figures, name: string): number[] =>
  LATENCY_BOUNDS_MS.map((bound) => (now[`${name}Le${bound}`] ?? 0) - (before[`${name}Le${bound}`] ?? 0))

/** Upper bound in ms of the bucket in which the percentile lies; undefined where there is no frame. */
const percentileOf = (counts: number[], percent: number): number | undefined => {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  const wanted = (total * percent) / 100
  let seen = 0
  return LATENCY_BOUNDS_MS.find((_, bucket) => (seen += counts[bucket] ?? 0) >= wanted)
}

/** Percentile of a stage between two looks; see LATENCY_BOUNDS_MS for how exact it is. */
export const stagePercentile = (before: Figures, now: Figures, name: string, percent: number): number | undefined =>
  percentileOf(countsBetween(before, now, name), percent)

/** Percentiles of the time between two looks, from buckets: a figure is the upper bound of its bucket. */
export const tellStages = (now: Figures, before: Figures): void => {
  console.log('whole run          p50     p90     p99   p99.9     max')
  for (const name of STAGES) {
    const counts = countsBetween(before, now, name)
    const cells = [50, 90, 99, 99.9, 100].map((percent) => column(percentileOf(counts, percent), 8)).join('')
    console.log(`  ${name.padEnd(12)}${cells}`)
  }
}
