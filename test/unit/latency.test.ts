import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Latency, LATENCY_BOUNDS_MS } from '../../src/normalizer/latency.ts'

const NOW_MS = 1_790_000_000_000
const durations = fc.array(fc.integer({ min: 0, max: 3_599_999 }), { minLength: 1, maxLength: 50 })

const recorded = (all: number[]): Latency => {
  const latency = new Latency()
  for (const duration of all) latency.record(NOW_MS - duration, NOW_MS)
  return latency
}

describe('latency of frames', () => {
  it('gives the percentile to the millisecond below a second, and within 2 % above', () => {
    fc.assert(
      fc.property(durations, fc.constantFrom(50, 90, 99, 100), (all, percent) => {
        const exact = all.toSorted((left, right) => left - right)[Math.ceil((all.length * percent) / 100) - 1] ?? 0
        const told = recorded(all).percentile(percent) ?? -1
        expect(Math.abs(told - exact)).toBeLessThanOrEqual(exact < 1_024 ? 0 : exact * 0.02)
      }),
    )
  })

  it('counts each frame below a second in the bucket whose bound it does not exceed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000 }), (duration) => {
        const bucket = LATENCY_BOUNDS_MS.findIndex((bound) => duration <= bound)
        expect(recorded([duration]).counts[bucket]).toBe(1)
      }),
    )
  })

  it('counts frames that took equally long at once', () => {
    const latency = new Latency()
    latency.record(NOW_MS - 7, NOW_MS, 99)
    latency.record(NOW_MS - 500, NOW_MS)
    expect(latency.percentile(99)).toBe(7)
    expect(latency.percentile(100)).toBe(500)
    expect(latency.counts.reduce((sum, count) => sum + count, 0)).toBe(100)
  })

  it('says nothing before the first frame, takes clocks that differ as no time, and leaves out what a replay tells', () => {
    expect(new Latency().percentile(99)).toBeUndefined()
    expect(recorded([-5]).percentile(99)).toBe(0)
    expect(recorded([3_600_000]).percentile(99)).toBeUndefined()
  })

  it('forgets what is older than two windows, but not in the counts since the start', () => {
    const latency = recorded([900])
    latency.record(NOW_MS + 29_990, NOW_MS + 30_000)
    expect(latency.percentile(100)).toBe(10)
    expect(latency.counts.reduce((sum, count) => sum + count, 0)).toBe(2)
  })
})
