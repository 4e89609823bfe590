import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkRule } from '../../src/alerts/check-rule.ts'
import { createJournal, type AlertRows } from '../../src/alerts/journal.ts'
import { OutcomeRules } from '../../src/alerts/outcome-rules.ts'
import type { Instant, RuleRow, Watch, Watched } from '../../src/alerts/rule.ts'
import { Book } from '../../src/domain/book.ts'
import type { Level } from '../../src/domain/book-side.ts'
import { fromMillionths } from '../../src/domain/decimal.ts'
import { ruleOf } from '../support/alert-rule.ts'

type Step = { afterMs: number; bid: number | undefined; ask: number | undefined; size: number; isLost: boolean }
type Crossing = { alertId: string; step: number; value: string }

const identity = {
  conditionId: '0x1',
  token: '1',
  minOrderSize: '5',
  tickSize: '0.01',
  negRisk: false,
  version: undefined,
}
const levelOf = (cents: number, size: number): Level => {
  const [price, millionths] = [cents * 10_000, size * 1_000_000]
  return { price, size: millionths, priceText: fromMillionths(price), sizeText: fromMillionths(millionths) }
}

type Given = { watch: Extract<Watch, { type: 'book' }>; watched: Watched }

/** What a killed process leaves, and the next one begins with. */
const restarted = (killed: OutcomeRules, given: Given[], at: Instant | undefined): OutcomeRules => {
  const kept = JSON.parse(JSON.stringify(killed.progress())) as ReturnType<OutcomeRules['progress']>
  const outcome = new OutcomeRules(kept)
  for (const { watch, watched } of given) outcome.add(watch, watched)
  outcome.begin(at)
  return outcome
}

/** The rules at work, as a market's tape would drive them with proved states only. `killedAfter`: a step. */
const evaluate = (rules: RuleRow[], steps: Step[], killedAfter?: number): Crossing[] => {
  const rows: AlertRows = { alertEvents: [], alertStates: new Map() }
  const journal = createJournal('9:0', { rowsOf: () => rows, now: () => 0, onCapped: () => undefined })
  let outcome = new OutcomeRules()
  const given: Given[] = []
  for (const row of rules) {
    const checked = checkRule(row)
    if (checked.type !== 'valid' || checked.watch.type !== 'book') throw new Error('the test made a rule that is none')
    const { level } = checked.watch
    const standing = { state: 'armed', crossing: 0, lastFiredTimeMs: undefined } as const
    const watched: Watched = { row, ...standing, level, rearmLevel: level - checked.hysteresis }
    outcome.add(checked.watch, watched)
    given.push({ watch: checked.watch, watched })
  }
  const book = new Book(identity)
  const crossings: Crossing[] = []
  let timeMs = 1_000_000
  steps.forEach(({ afterMs, bid, ask, size, isLost }, step) => {
    timeMs += afterMs
    /** Each commit asks what is to be kept, before a kill too. */
    const endStep = (at: Instant | undefined): void => {
      outcome.progress()
      if (step === killedAfter) outcome = restarted(outcome, given, at)
    }
    if (isLost) {
      outcome.lose()
      return endStep(undefined)
    }
    book.replace({
      bids: bid === undefined ? [] : [levelOf(bid, size)],
      asks: ask === undefined ? [] : [levelOf(ask, size)],
    })
    outcome.note({ capturedTimeMs: timeMs, exchangeTimeMs: undefined })
    // A state in which no rule changes is passed over, unless a window needs it: as the listener does.
    outcome.isDue(book)
    outcome.settleOpen(book, journal)
    for (const { alertId, value } of rows.alertEvents.splice(0)) crossings.push({ alertId, step, value: value ?? '' })
    endStep({ capturedTimeMs: timeMs, exchangeTimeMs: undefined })
  })
  return crossings
}

/** What each condition says in words, over everything that was, with no memory but armed or fired. */
const bruteForce = (rule: RuleRow, steps: Step[]): Crossing[] => {
  const threshold = Math.round(Number(rule.threshold) * 1_000_000)
  const hysteresis = Math.round(Number(rule.hysteresis) * 1_000_000)
  const crossings: Crossing[] = []
  const stood: { value: number; timeMs: number }[] = []
  let timeMs = 1_000_000
  let isArmed = true
  let firedTimeMs = -Infinity
  const fire = (step: number, value: number): void => {
    if (!isArmed || timeMs < firedTimeMs + rule.cooldownMs) return
    isArmed = false
    firedTimeMs = timeMs
    const sign = value < 0 ? '-' : ''
    crossings.push({ alertId: rule.alertId, step, value: sign + fromMillionths(Math.abs(value)) })
  }
  const moveOf = (present: number): number => {
    const since = timeMs - (rule.windowMs ?? 0)
    const seen = stood.filter((_, at) => (stood[at + 1]?.timeMs ?? Infinity) > since).map(({ value }) => value)
    const up = Math.max(0, ...seen.map((value) => Number((BigInt(present - value) * 100_000_000n) / BigInt(value))))
    const lows = seen.map((value) => Number((BigInt(value - present) * 100_000_000n) / BigInt(value)))
    const down = Math.max(0, ...lows)
    return up >= down ? up : -down
  }
  steps.forEach(({ afterMs, bid, ask, size, isLost }, step) => {
    timeMs += afterMs
    const isWhole = !isLost && bid !== undefined && ask !== undefined
    if (isLost) return void stood.splice(0)
    if (rule.condition === 'depth_below') {
      const depth = isWhole ? size * 1_000_000 : 0
      if (depth >= threshold + hysteresis) isArmed = true
      return depth < threshold ? fire(step, depth) : undefined
    }
    if (!isWhole) return void stood.splice(0)
    const mid = ((bid + ask) * 10_000) / 2
    if (rule.condition === 'move_pct') {
      const last = stood.at(-1)
      if (last !== undefined && last.value !== mid) {
        if (Math.abs(moveOf(last.value)) <= threshold - 1 - hysteresis) isArmed = true
        if (Math.abs(moveOf(last.value)) >= threshold) fire(step, moveOf(last.value))
      }
      if (last?.value !== mid) stood.push({ value: mid, timeMs })
      const move = moveOf(mid)
      if (Math.abs(move) <= threshold - 1 - hysteresis) isArmed = true
      return Math.abs(move) >= threshold ? fire(step, move) : undefined
    }
    const value = rule.condition === 'spread_above' ? (ask - bid) * 10_000 : mid
    const isBelow = rule.condition === 'price_below'
    if (isBelow ? value >= threshold + hysteresis : value <= threshold - hysteresis) isArmed = true
    if (isBelow ? value < threshold : value > threshold) fire(step, value)
  })
  return crossings
}

/** Some prices come again and again: most frames leave the best prices as they are. */
const cents = fc.oneof(fc.integer({ min: 1, max: 99 }), fc.constantFrom(40, 42, 60))
const side = fc.oneof({ weight: 12, arbitrary: cents }, { weight: 1, arbitrary: fc.constant(undefined) })
const steps = fc.array(
  fc.record<Step>({
    afterMs: fc.integer({ min: 0, max: 2_000 }),
    bid: side,
    ask: side,
    size: fc.integer({ min: 1, max: 20 }),
    isLost: fc.integer({ min: 0, max: 19 }).map((one) => one === 0),
  }),
  { minLength: 1, maxLength: 60 },
)
const hundredth = (most: number) => fc.integer({ min: 0, max: most }).map((one) => fromMillionths(one * 10_000))
const common = { hysteresis: hundredth(20), cooldownMs: fc.constantFrom(0, 0, 1_500, 6_000) }
const priced = fc.record({
  condition: fc.constantFrom('price_above', 'price_below', 'spread_above'),
  threshold: hundredth(100),
  ...common,
})
const moves = fc.record({
  condition: fc.constant('move_pct'),
  threshold: fc.integer({ min: 1, max: 120 }).map(String),
  windowMs: fc.constantFrom(1_000, 3_000, 20_000),
  ...common,
})
const depths = fc.record({
  condition: fc.constant('depth_below'),
  threshold: fc.integer({ min: 1, max: 21 }).map(String),
  side: fc.constant(null),
  ...common,
})
const rules = fc
  .array(fc.oneof(priced, moves, depths), { minLength: 1, maxLength: 12 })
  .map((some) => some.map((rule, at) => ruleOf({ ...rule, alertId: String(at + 1) })))

const order = (crossings: Crossing[]): Crossing[] =>
  crossings.toSorted((left, right) => left.step - right.step || Number(left.alertId) - Number(right.alertId))

test('rules that share an index fire exactly when each by itself, by brute force, would', () => {
  fc.assert(
    fc.property(rules, steps, (some, stream) => {
      const expected = some.flatMap((rule) => bruteForce(rule, stream))
      expect(order(evaluate(some, stream))).toEqual(order(expected))
    }),
    { numRuns: 1_500 },
  )
})

test('a restart in the middle changes no crossing, of windows neither', () => {
  fc.assert(
    fc.property(rules, steps, fc.nat(), (some, stream, at) => {
      expect(order(evaluate(some, stream, at % stream.length))).toEqual(order(evaluate(some, stream)))
    }),
    { numRuns: 500 },
  )
})

test('of two thousand rules only those between the old and the new price are touched', () => {
  const many = Array.from({ length: 2_000 }, (_, at) =>
    ruleOf({ alertId: String(at), condition: 'price_above', threshold: fromMillionths(at * 500) }),
  )
  const at = (bid: number): Step => ({ afterMs: 10, bid, ask: bid + 2, size: 1, isLost: false })
  const counts = [0, 1, 2].map(
    (step) => evaluate(many, [at(9), at(19), at(19)]).filter((one) => one.step === step).length,
  )
  expect(counts).toEqual([200, 200, 0])
})
