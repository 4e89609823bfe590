import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readBook } from '../../src/derived/book-state.ts'
import { BookWatch } from '../../src/derived/book-watch.ts'
import { boundaryAfter, inOrder, levels, metricActs, MetricsFlow, newBook, valuesOf } from '../support/metrics-flow.ts'
import { differences, instantsOf, metricsTruth } from '../support/metrics-truth.ts'

/** How long after a boundary its rows are written. */
const phase = fc.constantFrom(0, 1, 3_000, 7_999)

/** Every row that was written equals brute force, and there is one of every boundary after which something happened. */
const expectTruth = (flow: MetricsFlow): void => {
  flow.finish()
  const instants = instantsOf(flow.rows)
  for (const [measuredTimeMs, sample] of flow.written) {
    expect(differences(valuesOf(sample), metricsTruth(instants, flow.fills, measuredTimeMs))).toEqual([])
  }
  const eventTimes = [...flow.rows, ...flow.fills].map(({ capturedTimeMs }) => boundaryAfter(capturedTimeMs))
  expect(inOrder(flow.written.keys())).toEqual(inOrder(eventTimes))
  expect(flow.unannounced).toEqual([])
  expect(flow.lateCount).toBe(0)
}

test('every metric of every window equals brute force, through gaps, crossed books, jumps over days, late trades and restarts', () => {
  fc.assert(
    fc.property(metricActs, phase, (acts, phaseMs) => {
      const flow = new MetricsFlow(phaseMs)
      flow.play(acts)
      expectTruth(flow)
    }),
    { numRuns: 600 },
  )
})

const bookAt = (cents: number) =>
  (['bid', 'ask'] as const).map((side, at) => ({ side, price: (cents + at) * 10_000, size: 5_000_000 }))

test('no return leads over a gap that ends in the millisecond in which it began', () => {
  const flow = new MetricsFlow(0)
  flow.play([
    { type: 'snapshot', waitMs: 1_000, levels: bookAt(40) },
    { type: 'gap', waitMs: 1_000 },
    { type: 'snapshot', waitMs: 0, levels: bookAt(50) },
    { type: 'change', waitMs: 1_000, levels: [{ side: 'bid', price: 505_000, size: 5_000_000 }] },
  ])
  expectTruth(flow)
})

test('of a book of which the best n levels are kept the metrics see nothing else', () => {
  fc.assert(
    fc.property(fc.array(levels, { maxLength: 30 }), fc.integer({ min: 1, max: 8 }), (given, depth) => {
      const [whole, kept] = [newBook(), newBook()]
      for (const change of given) whole.apply(change)
      kept.replace(whole.top(depth))
      expect(readBook(whole, depth)).toEqual(readBook(kept, 0))
    }),
    { numRuns: 1_000 },
  )
})

const watched = fc.record({
  changes: fc.array(fc.tuple(levels, fc.boolean()), { minLength: 1, maxLength: 3 }),
  isRead: fc.boolean(),
  depth: fc.constantFrom(0, 0, 0, 0, 2),
})

test('what is kept of a book by its changes is what a walk over its levels finds', () => {
  fc.assert(
    fc.property(fc.array(watched, { maxLength: 60 }), (acts) => {
      const book = newBook()
      const watch = new BookWatch()
      for (const { changes, isRead, depth } of acts) {
        for (const [{ side, level }, isGone] of changes) {
          const change = { side, level: isGone ? { ...level, size: 0, sizeText: '0' } : level }
          watch.before(book, [change])
          book.apply(change)
        }
        if (isRead) expect(watch.read(book, depth)).toEqual(readBook(book, depth))
      }
    }),
    { numRuns: 1_000 },
  )
})
