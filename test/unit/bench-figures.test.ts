import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { atLeast, atMost, figure, verdictOf } from '../../bench/support/figure.ts'
import { findHighest, type Search } from '../../bench/support/search.ts'
import { growthPercent, median, quantile, slopePerSecond } from '../../bench/support/statistics.ts'
import { unexplainedGaps, type GapOf } from '../../bench/support/unexplained-gaps.ts'
import { emptyCounts } from '../../src/emulator/connection.ts'
import { whyNot, type Step } from '../../bench/support/verdict.ts'

const values = fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 1, maxLength: 60 })
const sorted = (all: number[]): number[] => all.toSorted((left, right) => left - right)

describe('percentiles of a benchmark', () => {
  it('are values that were measured, with the asked share of all at or below them', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, share) => {
        const found = quantile(sorted(all), share) ?? NaN
        expect(all).toContain(found)
        expect(all.filter((value) => value <= found).length).toBeGreaterThanOrEqual(all.length * share - 1e-9)
        expect(all.filter((value) => value < found).length).toBeLessThan(all.length * share)
      }),
    )
  })

  it('are unknown where nothing was measured', () => {
    expect(quantile([], 0.5)).toBeUndefined()
    expect(median([])).toBeUndefined()
  })
})

const pointsOf = (all: number[], everyMs = 10_000) => all.map((value, at) => ({ timeMs: at * everyMs, value }))

describe('growth of memory', () => {
  it('is that of a straight line, whatever it begins with', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: -500, max: 500 }), (start, step) => {
        const line = pointsOf(Array.from({ length: 30 }, (_, at) => start + at * step))
        expect(slopePerSecond(line)).toBeCloseTo(step / 10, 6)
      }),
    )
  })

  it('is not moved by garbage that comes and goes', () => {
    const saw = Array.from({ length: 120 }, (_, at) => 100 + (at % 7) * 10)
    expect(Math.abs(growthPercent(pointsOf(saw), 0) ?? NaN)).toBeLessThan(1)
  })

  it('leaves out what came before the process had what it needs', () => {
    const warming = [...Array.from({ length: 30 }, (_, at) => at * 10), ...Array.from({ length: 90 }, () => 300)]
    expect(growthPercent(pointsOf(warming), 300_000)).toBe(0)
    expect(growthPercent(pointsOf(warming), 0)).toBeGreaterThan(100)
  })

  it('finds a slow leak', () => {
    const leak = Array.from({ length: 120 }, (_, at) => 100 + at / 10 + (at % 5))
    expect(growthPercent(pointsOf(leak), 0)).toBeGreaterThan(5)
  })

  it('is unknown of too few looks', () => {
    expect(growthPercent(pointsOf([1, 2, 3, 4, 5]), 0)).toBeUndefined()
    expect(slopePerSecond(pointsOf([1]))).toBe(0)
    expect(slopePerSecond([])).toBe(0)
  })
})

const search: Search = { start: 8_000, factor: 1.6, precision: 1.1, mostSteps: 20 }

describe('search for the highest rate', () => {
  it('ends within its precision of the limit, wherever that lies', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1_000, max: 200_000 }), async (limit) => {
        const { held = 0, failed = Infinity } = await findHighest(search, (rate) => Promise.resolve(rate <= limit))
        expect(held).toBeLessThanOrEqual(limit)
        expect(failed).toBeGreaterThan(limit)
        expect(failed).toBeLessThanOrEqual(held * search.precision)
      }),
    )
  })

  it('takes no more steps than it may, and says what it knows', async () => {
    let steps = 0
    const holds = (): Promise<boolean> => Promise.resolve((steps += 1) > 0)
    expect(await findHighest({ ...search, mostSteps: 3 }, holds)).toEqual({ held: 20_500, failed: undefined })
    expect(steps).toBe(3)
    expect(await findHighest(search, () => Promise.resolve(false))).toMatchObject({ held: undefined })
  })
})

const step: Step = {
  rate: 10_000,
  offered: 9_990,
  backlogSlope: 20,
  gaps: 0,
  verified: 100_000,
  unproved: 0,
  shed: 500,
  cacheP99Ms: 40,
}

describe('a rate', () => {
  it('holds while all of it comes, is proved, and leaves no backlog behind', () => {
    expect(whyNot(step)).toEqual([])
  })

  it.each<[string, Partial<Step>]>([
    ['the venue could not send it', { offered: 9_000 }],
    ['the backlog grows', { backlogSlope: 900 }],
    ['something was lost', { gaps: 1 }],
    ['a batch was not proved', { unproved: 1 }],
    ['nothing was checked at all', { verified: 0, shed: 0 }],
    ['more than a hundredth of the checks was shed', { shed: 2_000 }],
    ['the hot cache is seconds behind', { cacheP99Ms: 5_000 }],
    ['nothing arrived in the hot cache', { cacheP99Ms: undefined }],
  ])('does not hold where %s', (_, seen) => {
    expect(whyNot({ ...step, ...seen })).toHaveLength(1)
  })
})

describe('a bound', () => {
  it('is missed by what could not be measured', () => {
    expect(verdictOf(figure('p99', undefined, 'ms', { bound: atMost(25) }))).toBe('missed')
    expect(verdictOf(figure('p99', 25, 'ms', { bound: atMost(25) }))).toBe('holds')
    expect(verdictOf(figure('rate', 19_999, 'frames/s', { bound: atLeast(20_000) }))).toBe('missed')
    expect(verdictOf(figure('rate', 1, 'frames/s'))).toBe('not_asked')
  })
})

const gap: GapOf = { token: '7', detectedTimeMs: 100_000, reason: 'hash_mismatch', detail: '' }
const fault = { type: 'drop', timeMs: 95_000, connection: 1, tokens: ['7'], text: '' }
const connection = {
  id: 1,
  openedTimeMs: 0,
  closedTimeMs: 90_000,
  closeReason: 'closed',
  framesSent: 0,
  bytesSent: 0,
  tokenCount: 0,
  subscribed: [],
  received: [],
}
const tokens = [
  { token: '7', byConnection: { 1: emptyCounts() } },
  { token: '8', byConnection: { 2: emptyCounts() } },
]

describe('a gap', () => {
  it('is explained by a fault of its token or the end of a connection of it shortly before', () => {
    expect(unexplainedGaps({ faults: [fault], connections: [], tokens }, [gap])).toEqual([])
    expect(unexplainedGaps({ faults: [], connections: [connection], tokens }, [gap])).toEqual([])
  })

  it('is not explained by what befell another token, came later, or is long ago', () => {
    const others = [
      { ...fault, tokens: ['8'] },
      { ...fault, timeMs: 100_001 },
      { ...fault, timeMs: 1_000 },
    ]
    const open = { ...connection, closedTimeMs: undefined }
    const another = { ...connection, id: 2 }
    expect(unexplainedGaps({ faults: others, connections: [open, another], tokens }, [gap])).toEqual([gap])
  })
})
