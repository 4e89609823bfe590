import fc from 'fast-check'
import { readBook, UNKNOWN } from '../../src/derived/book-state.ts'
import { MarketMetrics, type MetricsOut } from '../../src/derived/market-metrics.ts'
import { Book, type LevelChange } from '../../src/domain/book.ts'
import { fromMillionths } from '../../src/domain/decimal.ts'
import type { MetricBucket, MetricSample, MetricsProgress } from '../../src/domain/metric.ts'
import type { Truth, TruthFill, TruthRow } from './metrics-truth.ts'

const START_MS = 1_790_000_000_000

/** Mostly dense, now and then a jump over buckets of every size, and once in a while over more than a day. */
const waitMs = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 0, 1, 3, 400) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 15_000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 400_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 9_000_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 200_000_000 }) },
)
const side = fc.constantFrom('bid', 'ask')
/** Sides overlap, so that books lock and cross; the largest size is as much as a book can hold. */
const price = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 44, max: 56 }).map((cents) => cents * 10_000) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 499_999, 500_001, 999_999, 1_000_000) },
)
const size = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 1, max: 999_999_999 }) },
  { weight: 1, arbitrary: fc.constant(4_000_000_000_000_000) },
)
/** A level as a book takes it. */
export const levels = fc.record({ side, price, size }).map((given) => toChange(given))
const level = fc.record({ side, price, size: fc.oneof({ weight: 2, arbitrary: size }, { weight: 1, arbitrary: fc.constant(0) }) }) // prettier-ignore

const act = fc.oneof(
  { weight: 10, arbitrary: fc.record({ type: fc.constant('change'), waitMs, levels: fc.array(level, { minLength: 1, maxLength: 3 }) }) }, // prettier-ignore
  { weight: 3, arbitrary: fc.record({ type: fc.constant('snapshot'), waitMs, levels: fc.array(level, { maxLength: 8 }) }) }, // prettier-ignore
  { weight: 1, arbitrary: fc.record({ type: fc.constant('gap'), waitMs }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('trade'), waitMs, offMs: fc.constantFrom(0, 0, 1, -1, 9_000, -9_000), outcomeIndex: fc.nat(1), price, size }) }, // prettier-ignore
  { weight: 3, arbitrary: fc.record({ type: fc.constant('tick'), aheadMs: fc.integer({ min: 0, max: 8_000 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart') }) },
)
export type MetricAct = typeof act extends fc.Arbitrary<infer T> ? T : never
export const metricActs = fc.array(act, { maxLength: 40 })

/** Drives the metrics of one market, writes the rows that a tape would, and restarts from what would be in Postgres. */
export class MetricsFlow {
  readonly rows: TruthRow[] = []
  readonly fills: TruthFill[] = []
  /** Newest of each boundary. */
  readonly written = new Map<number, MetricSample>()
  readonly unannounced: number[] = []
  lateCount = 0
  timeMs = START_MS
  readonly #phaseMs: number
  #metrics: MarketMetrics
  readonly #buckets = new Map<string, MetricBucket>()
  #book = newBook()
  #sequence = 0
  #isKnown = false

  readonly #out: MetricsOut = {
    sample: (sample) => {
      const isThere = this.written.has(sample.measuredTimeMs)
      if (isThere && !sample.isAgain) this.unannounced.push(sample.measuredTimeMs)
      this.written.set(sample.measuredTimeMs, sample)
    },
    bucket: (bucket) => {
      const key = `${bucket.stepMs} ${bucket.startTimeMs}`
      const stored: MetricBucket = JSON.parse(JSON.stringify(bucket)) as MetricBucket
      this.#buckets.set(key, { ...stored, opening: stored.opening ?? this.#buckets.get(key)?.opening })
    },
    late: () => void (this.lateCount += 1),
  }

  constructor(phaseMs: number) {
    this.#phaseMs = phaseMs
    this.#metrics = new MarketMetrics('9', phaseMs)
  }

  play(acts: MetricAct[]): void {
    acts.forEach((one, index) => {
      const next = acts.slice(index + 1).find((later) => 'waitMs' in later)
      this.#play(one, next !== undefined && 'waitMs' in next ? next.waitMs : 0)
    })
  }

  /** Later: whatever was due is written. */
  finish(): void {
    for (const laterMs of [12_000, 24_000, 36_000]) this.#metrics.tick(this.timeMs + laterMs, this.#out)
  }

  #play(one: MetricAct, nextWaitMs: number): void {
    if ('waitMs' in one) this.timeMs += one.waitMs
    switch (one.type) {
      case 'change':
        // Rows of a change of depth come within a gap too.
        return this.#tell('change', one.levels)
      case 'snapshot':
        this.#book = newBook()
        this.#isKnown = true
        return this.#tell('snapshot', one.levels.filter((given) => given.size > 0)) // prettier-ignore
      case 'gap':
        this.#isKnown = false
        return this.#tell('gap', [])
      case 'trade': {
        const { outcomeIndex, price: given, size: shares } = one
        const capturedTimeMs = this.timeMs + one.offMs
        this.fills.push({ capturedTimeMs, outcomeIndex, price: fromMillionths(given), size: fromMillionths(shares) })
        const first = outcomeIndex === 0 ? given : 1_000_000 - given
        return this.#metrics.trade({ price: first, size: shares, capturedTimeMs }, this.#out)
      }
      case 'tick':
        return this.#metrics.tick(this.timeMs + nextWaitMs + one.aheadMs, this.#out)
      case 'restart':
        return this.#restart()
    }
  }

  #restart(): void {
    const stored = JSON.stringify(this.#metrics.progress())
    this.#metrics = new MarketMetrics('9', this.#phaseMs)
    if (stored !== undefined) this.#metrics.restore(JSON.parse(stored) as MetricsProgress, [...this.#buckets.values()])
  }

  #tell(kind: 'snapshot' | 'change' | 'gap', levels: { side: 'bid' | 'ask'; price: number; size: number }[]): void {
    this.#sequence += 1
    const event = { capturedTimeMs: this.timeMs, kind, sequence: this.#sequence }
    if (levels.length === 0) this.rows.push({ ...event, side: 'bid', price: '0', size: '0' })
    for (const given of levels) {
      const texts = { price: fromMillionths(given.price), size: fromMillionths(given.size) }
      this.rows.push({ ...event, side: given.side, ...texts })
      if (!this.#isKnown) continue
      this.#book.apply(toChange(given))
    }
    this.#metrics.book(this.timeMs, this.#isKnown ? readBook(this.#book, 0) : UNKNOWN, kind === 'gap', this.#out)
  }
}

const toChange = (given: { side: 'bid' | 'ask'; price: number; size: number }): LevelChange => {
  const texts = { priceText: fromMillionths(given.price), sizeText: fromMillionths(given.size) }
  return { side: given.side, level: { price: given.price, size: given.size, ...texts } }
}

export const newBook = (): Book =>
  new Book({ conditionId: '0x9', token: '1', minOrderSize: '5', tickSize: '0.01', negRisk: false, version: undefined })

/** The boundary by which rows of an event are due. */
export const boundaryAfter = (timeMs: number): number => Math.floor(timeMs / 10_000) * 10_000 + 10_000

/** Each once. */
export const inOrder = (timesMs: Iterable<number>): number[] =>
  [...new Set(timesMs)].toSorted((left, right) => left - right)

/** As `metricsTruth` gives them. */
export const valuesOf = ({ values }: MetricSample): Truth =>
  new Map(values.map(({ window, type, text }) => [`${window} ${type}`, text]))
