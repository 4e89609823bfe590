import type { Stats } from '../lib/stats.ts'
import type { LatencyWindow } from '../normalizer/latency.ts'
import type { Tapes } from './normalizer-tapes.ts'

const setPercentiles = (stats: Stats, name: string, latency: LatencyWindow): void => {
  const median = latency.percentile(50)
  const high = latency.percentile(99)
  if (median !== undefined) stats.set(`${name}P50Ms`, median)
  if (high !== undefined) stats.set(`${name}P99Ms`, high)
}

/** Gauges of a shard, refreshed every second: books held, gaps open, streams that wait for their market, latencies. */
export const publishFigures = (
  stats: Stats,
  tapes: Tapes,
  latency: { cache: LatencyWindow; commit: LatencyWindow },
): void => {
  const markets = tapes.markets()
  const outcomes = markets.flatMap((tape) => tape.outcomes)
  stats.set('tokensWithBook', outcomes.filter((outcome) => outcome.status === 'following').length)
  stats.set('marketsWithBook', markets.filter((tape) => tape.state === 'live').length)
  stats.set('gapsOpen', outcomes.filter((outcome) => outcome.status === 'gap').length)
  stats.set('parkedStreams', tapes.parked.size)
  const newest = outcomes.reduce((latest, outcome) => Math.max(latest, outcome.capturedTimeMs), 0)
  stats.set('newestFrameTimeMs', newest)
  setPercentiles(stats, 'cache', latency.cache)
  setPercentiles(stats, 'commit', latency.commit)
}
