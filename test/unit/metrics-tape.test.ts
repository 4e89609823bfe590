import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StreamEntry } from '../../src/domain/frame.ts'
import { boundaryAfter, inOrder, valuesOf } from '../support/metrics-flow.ts'
import { MeasuredTape } from '../support/metrics-tape.ts'
import { differences, instantsOf, metricsTruth } from '../support/metrics-truth.ts'
import { TOKENS } from '../support/normalizer-tape.ts'
import { depthActs, Venue, type Act } from '../support/normalizer-venue.ts'
import { tradeText } from '../support/trades.ts'

const START_MS = 1_790_000_000_000
const LATER_MS = 60_000

/** Every row that was written is what the rows of books and fills say, and every boundary after an event has one. */
const expectMeasured = (tape: MeasuredTape): void => {
  const instants = instantsOf(tape.rows)
  for (const [measuredTimeMs, sample] of tape.written) {
    expect(differences(valuesOf(sample), metricsTruth(instants, tape.fills, measuredTimeMs))).toEqual([])
  }
  const eventTimes = [...tape.rows, ...tape.fills].map(({ capturedTimeMs }) => boundaryAfter(capturedTimeMs))
  expect(inOrder(tape.written.keys())).toEqual(inOrder(eventTimes))
  expect(tape.twice).toEqual([])
  expect(tape.stats.read()['metricsLate'] ?? 0).toBe(0)
}

/** The acts of `Venue` cross most books: in nine of ten a bid is below 0.25 and an ask above. */
const mostlyUncrossed = (acts: Act[]): Act[] =>
  acts.map((act, index) => {
    if (!('changes' in act) || index % 10 === 9) return act
    const sideOf = ({ price }: { price: string }) => (Number(price) < 0.25 ? ('BUY' as const) : ('SELL' as const))
    const changes = act.changes.map((change) => ({ ...change, side: sideOf(change) }))
    return { ...act, changes }
  })

/** How long after a boundary its rows are written. */
const phase = fc.constantFrom(0, 3_000, 7_999)

/** What happens after an entry. */
const after = fc.record({
  waitMs: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(0, 0, 0, 10, 50) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 90_000 }) },
  ),
  isRestarted: fc.boolean(),
  isTicked: fc.boolean(),
})

test('the metrics of a tape equal brute force over its rows, through losses, reconnects, pauses, depths, replays and restarts', () => {
  let pricedCount = 0
  fc.assert(
    fc.property(depthActs, fc.array(after, { minLength: 1, maxLength: 20 }), phase, (acts, afters, phaseMs) => {
      const venue = new Venue()
      venue.play(mostlyUncrossed(acts))
      const tape = new MeasuredTape(phaseMs)
      let laterMs = 0
      venue.entries.forEach((entry, index) => {
        const frames = entry.frames.map((frame) => ({ ...frame, receivedTimeMs: frame.receivedTimeMs + laterMs }))
        tape.apply({ ...entry, frames })
        const { waitMs, isRestarted, isTicked } = afters[index % afters.length] ?? { waitMs: 0 }
        laterMs += waitMs
        if (isTicked === true) tape.tick((frames[0]?.receivedTimeMs ?? 0) + waitMs)
        if (isRestarted === true) tape.restart()
      })
      for (const more of [1, 2, 3]) tape.tick(venue.timeMs + laterMs + more * LATER_MS)
      expectMeasured(tape)
      pricedCount += [...tape.written.values()].filter((sample) => valuesOf(sample).has('24:00:00 spread')).length
    }),
    { numRuns: 200 },
  )
  expect(pricedCount).toBeGreaterThan(20)
})

const shape = fc.record({
  token: fc.constantFrom(...TOKENS),
  price: fc.constantFrom('0', '0.5', '0.50', '0.999', '1'),
  size: fc.constantFrom('20', '0.000001'),
  side: fc.constantFrom('BUY', 'SELL'),
  hash: fc.constantFrom('0xaa', undefined),
  timeMs: fc.constantFrom(START_MS, START_MS + 1),
})
/** What one of three connections delivers, and when; `isAgain`: its entry comes a second time. */
const delivery = fc.record({
  connection: fc.nat(2),
  shapes: fc.array(shape, { minLength: 1, maxLength: 3 }),
  isAgain: fc.boolean(),
  waitMs: fc.constantFrom(0, 1, 3_000, 9_000),
  backMs: fc.constantFrom(0, 0, 1, 9_000),
  isTicked: fc.boolean(),
  isRestarted: fc.boolean(),
})

test('trades count once, whichever connections told of them, in which order and how often, across restarts', () => {
  fc.assert(
    fc.property(fc.array(delivery, { maxLength: 16 }), phase, (deliveries, phaseMs) => {
      const tape = new MeasuredTape(phaseMs)
      const ordinals = [1, 1, 1]
      let timeMs = START_MS
      for (const { connection, shapes, isAgain, waitMs, backMs, isTicked, isRestarted } of deliveries) {
        timeMs += waitMs
        const firstOrdinal = ordinals[connection] ?? 1
        ordinals[connection] = firstOrdinal + shapes.length
        const frames = shapes.map(({ token, ...one }) => ({
          kind: 'websocket' as const,
          receivedTimeMs: timeMs - backMs,
          sourceReceivedTimeMs: undefined,
          text: tradeText(token, one),
        }))
        const epoch = `${START_MS + connection}-00000000`
        const entry: StreamEntry = { stream: 'orderbook:9', id: '1-0', epoch, firstOrdinal, frames }
        for (const told of isAgain ? [entry, entry] : [entry]) tape.apply(told)
        if (isTicked) tape.tick(timeMs)
        if (isRestarted) tape.restart()
      }
      for (const more of [1, 2, 3]) tape.tick(timeMs + more * LATER_MS)
      expectMeasured(tape)
    }),
    { numRuns: 200 },
  )
})
