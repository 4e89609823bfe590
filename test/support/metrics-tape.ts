import { metricsInto, metricsListener } from '../../src/activities/normalizer-metrics.ts'
import { MarketMetrics } from '../../src/derived/market-metrics.ts'
import { RecentKeys } from '../../src/derived/recent-keys.ts'
import type { StreamEntry } from '../../src/domain/frame.ts'
import type { MetricBucket, MetricSample } from '../../src/domain/metric.ts'
import type { KeptProgress } from '../../src/domain/progress.ts'
import { createStats } from '../../src/lib/stats.ts'
import { newBatch, type Batch, type FillRow } from '../../src/normalizer/batch.ts'
import { fillKey } from '../../src/normalizer/fill-key.ts'
import { keptTextOf } from '../../src/normalizer/listener.ts'
import type { MarketTape } from '../../src/normalizer/market-tape.ts'
import type { TruthFill, TruthRow } from './metrics-truth.ts'
import { ofOutcome } from './normalizer-rows.ts'
import { newTape, restored, rowsOf, storedCheckpoints } from './normalizer-tape.ts'

/** A tape whose metrics are measured, and what Postgres would hold of it; restarts go on from that alone. */
export class MeasuredTape {
  readonly rows: TruthRow[] = []
  readonly written = new Map<number, MetricSample>()
  readonly twice: number[] = []
  readonly stats = createStats()
  readonly #fills = new Map<string, FillRow>()
  readonly #buckets = new Map<string, MetricBucket>()
  #tape = newTape()
  readonly #phaseMs: number
  #metrics: MarketMetrics

  constructor(phaseMs: number) {
    this.#phaseMs = phaseMs
    this.#metrics = new MarketMetrics('9', phaseMs)
    this.#listen(this.#tape)
  }

  get fills(): TruthFill[] {
    return [...this.#fills.values()].map(({ capturedTimeMs, outcomeId, priceText, sizeText }) => {
      return { capturedTimeMs, outcomeIndex: Number(outcomeId.split(':')[1]), price: priceText, size: sizeText }
    })
  }

  apply(entry: StreamEntry): void {
    const batch = newBatch()
    this.#tape.apply(entry, batch)
    this.#commit(batch)
  }

  tick(nowMs: number): void {
    const batch = newBatch()
    this.#metrics.tick(nowMs, metricsInto(batch, this.stats))
    this.#commit(batch)
  }

  restart(): void {
    const { metrics: progress } = JSON.parse(keptTextOf(this.#tape)) as KeptProgress
    this.#tape = restored(storedCheckpoints(this.#tape))
    this.#metrics = new MarketMetrics('9', this.#phaseMs)
    if (progress !== undefined) {
      this.#metrics.restore(progress, [...this.#buckets.values()])
    }
    this.#listen(this.#tape)
  }

  #listen(tape: MarketTape): void {
    const metrics = this.#metrics
    const seen = new RecentKeys()
    for (const [key, { capturedTimeMs }] of this.#fills) seen.meet(key, capturedTimeMs)
    tape.listeners.push(metricsListener({ tape, metrics, seen, into: (batch) => metricsInto(batch, this.stats) }))
  }

  #commit(batch: Batch): void {
    this.rows.push(...ofOutcome(rowsOf(batch), '9:0'))
    for (const fill of batch.fills) if (!this.#fills.has(fillKey(fill))) this.#fills.set(fillKey(fill), fill)
    for (const sample of batch.metrics.values()) {
      if (this.written.has(sample.measuredTimeMs) && !sample.isAgain) this.twice.push(sample.measuredTimeMs)
      this.written.set(sample.measuredTimeMs, sample)
    }
    for (const [key, bucket] of batch.metricBuckets) {
      const stored = JSON.parse(JSON.stringify(bucket)) as MetricBucket
      this.#buckets.set(key, { ...stored, opening: stored.opening ?? this.#buckets.get(key)?.opening })
    }
  }
}
