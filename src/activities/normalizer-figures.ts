import { createDistribution } from '../lib/distribution.ts'
import type { Stats } from '../lib/stats.ts'
import type { Batch } from '../normalizer/batch.ts'
import {
  createLatencies,
  forEachFrame,
  frameCountOf,
  LATENCY_BOUNDS_MS,
  type FrameTimes,
  type Latencies,
  type Latency,
} from '../normalizer/latency.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import type { OutcomeTape } from '../normalizer/outcome-tape.ts'
import { isLost } from '../normalizer/shed-books.ts'
import type { Lanes } from './normalizer-lanes.ts'
import type { Tapes } from './normalizer-tapes.ts'

const ROWS = [0, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 20_000, 50_000]
const BYTES = [0, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 16_777_216]

/** What all shards of a process record: were they of a shard, the sum over them would fall when one ends. */
export const createRecords = (stats: Stats) => {
  const latencies = createLatencies()
  const batches = {
    batchRows: createDistribution(ROWS),
    batchBytes: createDistribution(BYTES),
    commitMs: createDistribution(LATENCY_BOUNDS_MS),
  }
  for (const [name, distribution] of Object.entries({ ...latencies, ...batches })) stats.show(name, distribution)
  const committed = (batch: Batch, sealedTimeMs: number): void => {
    const { frameTimes, applied, bookLines, bookBytes, alertEvents, quotes } = batch
    const nowMs = Date.now()
    latencies.write.record(sealedTimeMs, nowMs, frameCountOf(frameTimes))
    for (const { timeMs, count } of applied) latencies.settle.record(timeMs, nowMs, count)
    forEachFrame(frameTimes, (exchangeTimeMs) => latencies.commit.record(exchangeTimeMs, nowMs))
    // Those of books, each of whose markets has a quote.
    if (quotes.size > 0) {
      batches.batchRows.record(bookLines.length)
      batches.batchBytes.record(bookBytes)
      batches.commitMs.record(nowMs - sealedTimeMs)
    }
    stats.count('alertsFired', alertEvents.length)
    for (const { condition } of alertEvents) stats.count(`alertsFired:${condition}`)
  }
  return { latencies, committed }
}

/** Frames of one read, and when they were read and applied. */
export type Shown = { times: FrameTimes; readTimeMs: number; appliedTimeMs: number }

/** Now that the hot cache shows them. */
export const recordShown = (latencies: Latencies, { times, readTimeMs, appliedTimeMs }: Shown): void => {
  const nowMs = Date.now()
  const count = frameCountOf(times)
  latencies.apply.record(readTimeMs, appliedTimeMs, count)
  latencies.show.record(appliedTimeMs, nowMs, count)
  forEachFrame(times, (exchangeTimeMs, receivedTimeMs, appendedTimeMs) => {
    latencies.receive.record(exchangeTimeMs, receivedTimeMs)
    latencies.append.record(receivedTimeMs, appendedTimeMs)
    latencies.take.record(appendedTimeMs, appliedTimeMs)
    latencies.read.record(receivedTimeMs, readTimeMs)
    latencies.cache.record(exchangeTimeMs, nowMs)
  })
}

export type Records = ReturnType<typeof createRecords>

/** Stages that the status line and benchmarks know; the others are read by `/metrics` alone. */
const PUBLISHED = ['receive', 'read', 'apply', 'show', 'cache', 'write', 'commit'] as const

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

const countBooks = (outcomes: OutcomeTape[]): [string, number][] => [
  ['gapsOpen', outcomes.filter(isLost).length],
  ['tokensWithBook', outcomes.filter(({ status }) => status === 'following').length],
  ['tokensProved', outcomes.filter(({ isProved }) => isProved).length],
]

/** What is shed of a market makes it unverified, though its books are followed and proved. */
const hasBooks = ({ state, outcomes }: MarketTape): boolean =>
  state === 'live' || (state === 'unverified' && outcomes.every((outcome) => outcome.isProved))

/** Gauges of a shard, refreshed every second: books held, gaps open, streams that wait for their market, latencies. */
export const publishFigures = (stats: Stats, tapes: Tapes, latencies: Latencies): void => {
  const markets = tapes.markets()
  const outcomes = markets.flatMap((tape) => tape.outcomes)
  stats.set('tapesOpen', markets.length)
  stats.set('marketsWithBook', markets.filter(hasBooks).length)
  for (const [name, count] of countBooks(outcomes)) stats.set(name, count)
  stats.set('verifyMs', Math.round(tapes.judge.spentMs))
  stats.set('parkedStreams', tapes.parked.size)
  const newest = outcomes.reduce((latest, outcome) => Math.max(latest, outcome.writer.capturedTimeMs), 0)
  stats.set('newestFrameTimeMs', newest)
  for (const name of PUBLISHED) {
    setPercentiles(stats, name, latencies[name])
    setBuckets(stats, name, latencies[name])
  }
}

/** Of one shard, as it stands: added up with those of the others by whoever looks. */
export const lookAtBooks = (tapes: Tapes, lanes: Lanes): [string, number][] => {
  const markets = tapes.markets()
  const batches = [lanes.books.batch, lanes.shared.batch]
  return [
    ...countBooks(markets.flatMap((tape) => tape.outcomes)),
    ['queueBytes:commit', batches.reduce((sum, { bookBytes, frameBytes }) => sum + bookBytes + frameBytes, 0)],
    ...markets.map(({ state }): [string, number] => [`markets:${state}`, 1]),
  ]
}
