import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createClockSkew } from '../../src/feed/clock-skew.ts'

const WINDOW_MS = 10_000

/** A minute of frames: host time less venue time is the way here, what the venue took, and the difference of the clocks. */
const minute = fc.record({
  skewMs: fc.integer({ min: -5_000, max: 5_000 }),
  wayThereMs: fc.integer({ min: 0, max: 200 }),
  wayHereMs: fc.integer({ min: 0, max: 200 }),
  venueMs: fc.integer({ min: 0, max: 10 }),
  delays: fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 6, maxLength: 60 }),
})

test('the estimate is off by at most half a round trip, and by what the venue takes at least, whatever the delays are', () => {
  fc.assert(
    fc.property(minute, ({ skewMs, wayThereMs, wayHereMs, venueMs, delays }) => {
      const skew = createClockSkew()
      delays.forEach((delayMs, at) => {
        const least = wayHereMs + venueMs - skewMs
        skew.note(least + delayMs, at * WINDOW_MS)
        // In each window there is a frame that waited for nothing.
        skew.note(least, at * WINDOW_MS + 1)
      })
      const roundTripMs = wayThereMs + wayHereMs
      const error = (skew.estimateMs(roundTripMs) ?? NaN) - skewMs
      expect(error).toBeGreaterThanOrEqual(-venueMs - roundTripMs / 2)
      expect(error).toBeLessThanOrEqual(roundTripMs / 2)
    }),
  )
})

test('two windows with impossible times in a minute change nothing', () => {
  const skew = createClockSkew()
  for (let at = 0; at < 6; at++) skew.note(at === 2 || at === 4 ? -86_400_000 : 30, at * WINDOW_MS)
  expect(skew.estimateMs(40)).toBe(-10)
})

test('nothing is said of less than three windows, and a step of a clock is forgotten after a minute', () => {
  const skew = createClockSkew()
  skew.note(10, 0)
  skew.note(10, WINDOW_MS)
  expect(skew.estimateMs(0)).toBeUndefined()
  for (let at = 2; at < 8; at++) skew.note(1_010, at * WINDOW_MS)
  expect(skew.estimateMs(0)).toBe(-1_010)
})
