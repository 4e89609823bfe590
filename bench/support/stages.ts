import { LATENCY_BOUNDS_MS } from '../../src/normalizer/latency.ts'
import type { Figures } from './processes.ts'

const STAGES = ['receive', 'read', 'apply', 'show', 'cache', 'write', 'commit']

export const column = (value: string | number | undefined, width: number): string =>
  String(value ?? '–').padStart(width)

const whole = (now: Figures, before: Figures, name: string): number[] =>
  LATENCY_BOUNDS_MS.map((bound) => (now[`${name}Le${bound}`] ?? 0) - (before[`${name}Le${bound}`] ?? 0))

/** Upper bound of the bucket in which the percentile lies. */
const percentile = (counts: number[], percent: number): number | undefined => {
  const wanted = (counts.reduce((sum, count) => sum + count, 0) * percent) / 100
  let seen = 0
  return LATENCY_BOUNDS_MS.find((_, bucket) => (seen += counts[bucket] ?? 0) >= wanted)
}

/** Percentiles of the time between two looks, from buckets: a figure is the upper bound of its bucket. */
export const tellStages = (now: Figures, before: Figures): void => {
  console.log('whole run          p50     p90     p99   p99.9     max')
  for (const name of STAGES) {
    const counts = whole(now, before, name)
    const cells = [50, 90, 99, 99.9, 100].map((percent) => column(percentile(counts, percent), 8)).join('')
    console.log(`  ${name.padEnd(12)}${cells}`)
  }
}
