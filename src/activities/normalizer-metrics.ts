import { UNKNOWN } from '../derived/book-state.ts'
import { BookWatch } from '../derived/book-watch.ts'
import { MarketMetrics, type MetricsOut } from '../derived/market-metrics.ts'
import { phaseOf } from '../derived/phase.ts'
import { RecentKeys, REMEMBERED_MS } from '../derived/recent-keys.ts'
import { MILLION, toMillionths } from '../domain/decimal.ts'
import type { Stats } from '../lib/stats.ts'
import type { Batch, FillRow } from '../normalizer/batch.ts'
import { fillKey } from '../normalizer/fill-key.ts'
import type { MarketListener } from '../normalizer/listener.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import { readMetricBuckets } from '../store/metrics.ts'
import { readRecentFills } from '../store/recent-fills.ts'
import type { NormalizerDeps } from './normalizer-deps.ts'
import type { Derivation } from './normalizer-listeners.ts'

/** Some 80 rows each: what came due together for thousands of markets is spread over seconds. */
const MARKETS_A_SECOND = 800
/** Ticks of a shard that reads come closer than those of one that waits; what a longer wait left over is taken as if it had been this long. */
const [SHORTEST_TICK_MS, LONGEST_TICK_MS] = [10, 250]
/** Rows of one boundary come over so long a time: those of 200 markets at once held up a commit for 300 ms. */
const SPREAD_MS = 8_000
const DAY_MS = 86_400_000

/** Puts into a batch what the metrics give; of what is told twice of one instant the newer stands. */
export const metricsInto = (batch: Batch, stats: Stats): MetricsOut => ({
  sample: (sample) => {
    const key = `${sample.marketId} ${sample.measuredTimeMs}`
    const isAgain = batch.metrics.get(key)?.isAgain ?? sample.isAgain
    batch.metrics.set(key, { ...sample, isAgain })
  },
  bucket: (bucket) => {
    const key = `${bucket.marketId} ${bucket.stepMs} ${bucket.startTimeMs}`
    const opening = bucket.opening ?? batch.metricBuckets.get(key)?.opening
    batch.metricBuckets.set(key, { ...bucket, opening })
  },
  late: () => stats.count('metricsLate'),
})

type Listening = { tape: MarketTape; metrics: MarketMetrics; seen: RecentKeys; into: (batch: Batch) => MetricsOut }

/** Price of the first outcome, in millionths; undefined where there is no such thing. */
const priceOf = ({ outcomes }: MarketTape, { outcomeId, priceText }: FillRow): number | undefined => {
  const price = toMillionths(priceText)
  const index = outcomes.findIndex(({ outcome }) => outcome.outcomeId === outcomeId)
  if (price === undefined || index > 1) return undefined
  return index === 0 ? price : MILLION - price
}

/** Tells the metrics of a market what its tape tells. All rows of a frame are of one instant: its last state counts. */
export const metricsListener = ({ tape, metrics, seen, into }: Listening): MarketListener => {
  const [first] = tape.outcomes
  const watch = new BookWatch()
  let sequence = first?.sequence
  return {
    keep: () => {
      const progress = metrics.progress()
      return progress === undefined ? '' : `"metrics":${JSON.stringify(progress)}`
    },
    beforeChanges: (outcome, changes) => {
      if (outcome === first) watch.before(outcome.book, changes)
    },
    afterBook: (outcome, kind, { batch }) => {
      if (outcome !== first || kind !== 'gap') return
      sequence = outcome.sequence
      watch.forget()
      metrics.book(outcome.writer.capturedTimeMs, UNKNOWN, true, into(batch))
    },
    afterFill: (fill, batch) => {
      const { capturedTimeMs } = fill
      if (!seen.meet(fillKey(fill), capturedTimeMs)) return
      const price = priceOf(tape, fill)
      const size = toMillionths(fill.sizeText)
      if (price !== undefined && size !== undefined) metrics.trade({ price, size, capturedTimeMs }, into(batch))
    },
    afterFrame: (_tape, { batch }) => {
      if (first === undefined || first.sequence === sequence) return
      sequence = first.sequence
      const state = first.status === 'following' ? watch.read(first.book, first.writer.depth) : UNKNOWN
      metrics.book(first.writer.capturedTimeMs, state, false, into(batch))
    },
  }
}

type Kept = Awaited<ReturnType<typeof readKept>>

/** What was committed of these markets beside their offsets: closed buckets, and which trades were counted of late. */
const readKept = async ({ pool }: NormalizerDeps, tapes: MarketTape[]) => {
  const marketIds = tapes.map(({ market }) => market.marketId)
  const since = tapes
    .filter(({ receivedTimeMs }) => receivedTimeMs > 0)
    .map((tape) => ({ marketId: tape.market.marketId, sinceTimeMs: tape.receivedTimeMs - REMEMBERED_MS }))
  const buckets = await readMetricBuckets(pool, marketIds)
  const seen = new Map(marketIds.map((marketId) => [marketId, new RecentKeys()]))
  for (const fill of await readRecentFills(pool, since)) {
    seen.get(fill.marketId)?.meet(fillKey(fill), fill.capturedTimeMs)
  }
  return { buckets, seen }
}

const restoreMetrics = (tape: MarketTape, { buckets }: Kept): MarketMetrics => {
  const { marketId } = tape.market
  const metrics = new MarketMetrics(marketId, phaseOf(marketId, SPREAD_MS))
  const progress = tape.kept.metrics
  if (progress === undefined) return metrics
  metrics.restore(progress, buckets.get(marketId) ?? [])
  if (Date.now() - progress.startTimeMs > DAY_MS) metrics.forgetDue()
  return metrics
}

/** The rolling metrics of the markets of a shard: see `src/derived`. */
export const createMetrics = (deps: NormalizerDeps): Derivation => {
  const listenings = new Map<string, Listening>()
  let tickedTimeMs = 0
  let last: { batch: Batch; out: MetricsOut } | undefined
  const into = (batch: Batch): MetricsOut => {
    if (last?.batch !== batch) last = { batch, out: metricsInto(batch, deps.stats) }
    return last.out
  }
  return {
    open: async (tapes) => {
      const kept = await readKept(deps, tapes)
      for (const tape of tapes) {
        const { marketId } = tape.market
        const metrics = restoreMetrics(tape, kept)
        const listening = { tape, metrics, seen: kept.seen.get(marketId) ?? new RecentKeys(), into }
        tape.listeners.push(metricsListener(listening))
        listenings.set(marketId, listening)
      }
    },
    close: ({ market }) => void listenings.delete(market.marketId),
    tick: ({ nowMs, isBehind, batch }) => {
      if (isBehind) return []
      const sinceMs = Math.min(Math.max(nowMs - tickedTimeMs, SHORTEST_TICK_MS), LONGEST_TICK_MS)
      tickedTimeMs = nowMs
      const most = (MARKETS_A_SECOND * sinceMs) / 1_000
      const due: Listening[] = []
      for (const listening of listenings.values()) {
        if (due.length >= most) break
        if (listening.metrics.isDue(nowMs)) due.push(listening)
      }
      for (const { metrics } of due) metrics.tick(nowMs, into(batch))
      return due.map(({ tape }) => tape)
    },
  }
}
