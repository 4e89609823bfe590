import type { Stats } from '../lib/stats.ts'
import { LATENCY_BOUNDS_MS, type Latencies, type Latency } from '../normalizer/latency.ts'
import type { Tapes } from './normalizer-tapes.ts'

const setPercentiles = (stats: Stats, name: string, latency: Latency): void => {
  const median = latency.percentile(50)
  const high = latency.percentile(99)
  if (median !== undefined) stats.set(`${name}P50Ms`, median)
  if (high !== undefined) stats.set(`${name}P99Ms`, high)
}

/** Counts since the start: `<name>Le<upper bound in ms>`, a bucket each (not summed up). */
const setBuckets = (stats: Stats, name: string, { counts }: Latency): void => {
  counts.forEach((count, bucket) => {
    if (count > 0) stats.set(`${name}Le${LATENCY_BOUNDS_MS[bucket]}`, count)
  })
}

/** Gauges of a shard, refreshed every second: books held, gaps open, streams that wait for their market, latencies. */
export const publishFigures = (stats: Stats, tapes: Tapes, latencies: Latencies): void => {
  const markets = tapes.markets()
  const outcomes = markets.flatMap((tape) => tape.outcomes)
  stats.set('tapesOpen', markets.length)
  stats.set('tokensWithBook', outcomes.filter((outcome) => outcome.status === 'following').length)
  stats.set('marketsWithBook', markets.filter((tape) => tape.state === 'live').length)
  stats.set('tokensProved', outcomes.filter((outcome) => outcome.isProved).length)
  stats.set('gapsOpen', outcomes.filter((outcome) => outcome.status === 'gap').length)
  stats.set('verifyMs', Math.round(tapes.judge.spentMs))
  stats.set('parkedStreams', tapes.parked.size)
  const newest = outcomes.reduce((latest, outcome) => Math.max(latest, outcome.writer.capturedTimeMs), 0)
  stats.set('newestFrameTimeMs', newest)
  for (const [name, latency] of Object.entries(latencies)) {
    setPercentiles(stats, name, latency)
    setBuckets(stats, name, latency)
  }
}
