import { metricsInto, metricsListener } from '../src/activities/normalizer-metrics.ts'
import { UNKNOWN } from '../src/derived/book-state.ts'
import { MarketMetrics, type MetricsOut } from '../src/derived/market-metrics.ts'
import { RecentKeys } from '../src/derived/recent-keys.ts'
import { fromMillionths, MILLION } from '../src/domain/decimal.ts'
import { Book } from '../src/domain/book.ts'
import type { Side } from '../src/domain/book-side.ts'
import type { StreamEntry } from '../src/domain/frame.ts'
import type { Market } from '../src/domain/market.ts'
import { createStats } from '../src/lib/stats.ts'
import { newBatch, type Batch } from '../src/normalizer/batch.ts'
import { Judge } from '../src/normalizer/judge.ts'
import { MarketTape } from '../src/normalizer/market-tape.ts'
import { sealMarket } from '../src/normalizer/seal.ts'
import { parseMarketMessage, parseRestBook } from '../src/venue/polymarket/mapper.ts'

/**
 * What the metrics cost a normalizer: the same frames (a change of both outcomes' books, every hash right) applied to tapes
 * without and with them, in process; the parts; and the memory of markets that have a whole day behind them.
 */
const MARKETS = 200
const FRAMES_PER_SECOND = 5_000
const SECONDS = 20
const FRAMES_A_BATCH = 500
const LEVELS_A_SIDE = 60
const START_MS = Date.UTC(2026, 0, 1, 12)
const stats = createStats()
const judge = new Judge({ stats, now: Date.now, shedLagMs: 60_000, searchHashesPerSecond: 1_000_000_000 })

const marketOf = (index: number): Market => ({
  marketId: String(index),
  conditionId: `0x${String(index).padStart(64, '0')}`,
  slug: `market-${index}`,
  question: 'Will it?',
  status: 'active',
  outcomes: [0, 1].map((at) => ({ outcomeId: `${index}:${at}`, name: `n${at}`, token: `${index}00${at}` })),
  feeBps: undefined,
  endTimeMs: undefined,
  tickSize: '0.01',
  minOrderSize: '5',
  negRisk: false,
  version: undefined,
})

const newTape = (market: Market): MarketTape =>
  new MarketTape(market, { parseMessage: parseMarketMessage, parseRestBook, judge, stats })

const levelAt = (price: number, size: number) => ({
  price,
  size,
  priceText: fromMillionths(price),
  sizeText: fromMillionths(size),
})

/** A market at the venue: its two books mirror each other. */
const createVenue = (market: Market) => {
  const books = market.outcomes.map(({ token }) => new Book({ ...market, token }))
  let ordinal = 0
  const entry = (timeMs: number, texts: string[]): StreamEntry => {
    const frames = texts.map((text) => {
      return { kind: 'websocket' as const, receivedTimeMs: timeMs, sourceReceivedTimeMs: undefined, text }
    })
    const firstOrdinal = ordinal + 1
    ordinal += frames.length
    return { stream: `orderbook:${market.marketId}`, id: `${ordinal}-0`, epoch: 'e', firstOrdinal, frames }
  }
  const set = (side: Side, price: number, size: number): void => {
    const mirrored = side === 'bid' ? 'ask' : 'bid'
    books[0]?.apply({ side, level: levelAt(price, size) })
    books[1]?.apply({ side: mirrored, level: levelAt(MILLION - price, size) })
  }
  const head = (timeMs: number) => ({ market: market.conditionId, timestamp: String(timeMs) })
  const sides = (book: Book) => ({
    bids: JSON.parse(`[${book.bids.json()}]`),
    asks: JSON.parse(`[${book.asks.json()}]`),
  })
  return {
    snapshot: (timeMs: number): StreamEntry => {
      for (let at = 0; at < LEVELS_A_SIDE; at++) {
        set('bid', 490_000 - at * 1_000, 100_000_000 + at)
        set('ask', 500_000 + at * 1_000, 100_000_000 + at)
      }
      const texts = books.map((book) => {
        const said = { event_type: 'book', ...head(timeMs), asset_id: book.identity.token, ...sides(book) }
        return JSON.stringify({ ...said, hash: book.hash(String(timeMs), '') })
      })
      return entry(timeMs, texts)
    },
    change: (timeMs: number, round: number): StreamEntry => {
      const side = round % 2 === 0 ? 'bid' : 'ask'
      const near = (round * 7) % 12
      // Each eighth takes the best level away or puts it back: the mid moves.
      const size = near === 0 && round % 3 === 0 ? 0 : 1_000_000 * (1 + (round % 900))
      const price = side === 'bid' ? 490_000 - near * 1_000 : 500_000 + near * 1_000
      set(side, price, size)
      const price_changes = books.map((book, at) => ({
        asset_id: book.identity.token,
        price: fromMillionths(at === 0 ? price : MILLION - price),
        size: fromMillionths(size),
        side: (side === 'bid') === (at === 0) ? 'BUY' : 'SELL',
        hash: book.hash(String(timeMs), ''),
      }))
      return entry(timeMs, [JSON.stringify({ event_type: 'price_change', ...head(timeMs), price_changes })])
    },
  }
}

const nothing = { sample: () => undefined, bucket: () => undefined, late: () => undefined }
const state = { ...UNKNOWN, isKnown: true, mid: MILLION, spread: 10_000, bidDepth5c: 5 * MILLION, askDepth5c: MILLION }

const full = Array.from({ length: 2_000 }, (_, index) => new MarketMetrics(String(index)))
const before = process.memoryUsage()
for (const metrics of full) for (const at of [0, 90_000_000]) metrics.book(START_MS + at, state, false, nothing)
const after = process.memoryUsage()
const grownMb = (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / 2 ** 20
console.log(`2,000 markets with a whole day: ${grownMb.toFixed(0)} MB`)

const markets = Array.from({ length: MARKETS }, (_, index) => marketOf(index + 1))
const venues = markets.map(createVenue)
const snapshots = venues.map((venue) => venue.snapshot(START_MS))
const changes = Array.from({ length: FRAMES_PER_SECOND * SECONDS }, (_, round) => {
  const timeMs = START_MS + 1 + Math.floor((round * 1_000) / FRAMES_PER_SECOND)
  return venues[round % MARKETS]?.change(timeMs, Math.floor(round / MARKETS)) ?? snapshots[0]
})

type Run = { microsPerFrame: number; samples: number }

/** Applies all frames, batch by batch, and seals the offsets of each. */
const run = (isMeasured: boolean): Run => {
  const tapes = markets.map(newTape)
  let last: { batch: Batch; out: MetricsOut } | undefined
  const into = (batch: Batch): MetricsOut => {
    if (last?.batch !== batch) last = { batch, out: metricsInto(batch, stats) }
    return last.out
  }
  for (const tape of tapes) {
    if (!isMeasured) continue
    const metrics = new MarketMetrics(tape.market.marketId)
    tape.listeners.push(metricsListener({ tape, metrics, seen: new RecentKeys(), into }))
  }
  tapes.forEach((tape, index) => tape.apply(snapshots[index] ?? expectEntry(), newBatch()))
  let samples = 0
  const start = process.cpuUsage()
  for (let at = 0; at < changes.length; at += FRAMES_A_BATCH) {
    const batch = newBatch()
    const until = Math.min(at + FRAMES_A_BATCH, changes.length)
    for (let round = at; round < until; round++) tapes[round % MARKETS]?.apply(changes[round] ?? expectEntry(), batch)
    for (const tape of tapes) sealMarket(tape, batch, { everyChanges: Infinity, nowMs: START_MS })
    JSON.stringify([...batch.offsets.values()])
    samples += batch.metrics.size
  }
  const { user, system } = process.cpuUsage(start)
  return { microsPerFrame: (user + system) / changes.length, samples }
}

const expectEntry = (): never => {
  throw new Error('an entry is missing')
}

const measure = (name: string, rounds: number, work: (round: number) => void): void => {
  for (let round = 0; round < rounds / 10; round++) work(round)
  const startMs = performance.now()
  for (let round = 0; round < rounds; round++) work(round)
  console.log(`${name.padEnd(58)}${(((performance.now() - startMs) / rounds) * 1_000).toFixed(2).padStart(9)} µs`)
}

const shareOf = (microsPerFrame: number): string => `${((microsPerFrame * FRAMES_PER_SECOND) / 10_000).toFixed(1)} %`

console.log(`${MARKETS} markets, ${changes.length} frames of both outcomes, ${FRAMES_PER_SECOND} frames/s, ${2 * LEVELS_A_SIDE} levels`) // prettier-ignore
for (const _warm of [0, 1]) run(true)
const pairs = Array.from({ length: 3 }, () => ({ plain: run(false), measured: run(true) }))
const middle = (values: number[]): number => values.toSorted((left, right) => left - right)[1] ?? 0
const plain = middle(pairs.map((pair) => pair.plain.microsPerFrame))
const measured = middle(pairs.map((pair) => pair.measured.microsPerFrame))
console.log(
  `tapes alone         ${plain.toFixed(2)} µs a frame, ${shareOf(plain)} of a core at ${FRAMES_PER_SECOND} frames/s`,
)
console.log(`with the metrics    ${measured.toFixed(2)} µs a frame, ${shareOf(measured)}`)
console.log(`the metrics         ${(measured - plain).toFixed(2)} µs a frame, ${shareOf(measured - plain)}; ${pairs[0]?.measured.samples} times all metrics of a market`) // prettier-ignore

const one = new MarketMetrics('1')
measure('an event of the book, within a bucket', 1_000_000, (round) => one.book(START_MS + Math.floor(round / 200), { ...state, mid: MILLION + (round % 3) }, false, nothing)) // prettier-ignore
measure('a trade', 1_000_000, () => one.trade({ price: 500_000, size: MILLION, capturedTimeMs: START_MS }, nothing))
measure('what a commit keeps of a market', 100_000, () => void JSON.stringify(one.progress()))
let timeMs = START_MS
measure('a bucket closes: all metrics of all windows', 20_000, () =>
  one.book((timeMs += 10_000), state, false, nothing),
)
measure('a market is quiet for a day', 1_000, () => one.book((timeMs += 86_400_000), state, false, nothing))
