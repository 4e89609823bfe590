import { expect, test } from 'vitest'
import { createLinger } from '../../src/feed/linger.ts'

/** So many flushes of a feed at a steady rate; the wait that comes of it. */
const waitAt = (configuredMs: number, framesPerSecond: number): number => {
  const linger = createLinger(configuredMs)
  let nowMs = 1_000_000
  for (let flushes = 0; flushes < 50; flushes++) {
    const tookMs = linger.nextMs() + 2
    nowMs += tookMs
    linger.note((framesPerSecond * tookMs) / 1_000, nowMs)
  }
  return linger.nextMs()
}

test('a feed of up to 1,000 frames/s waits as long as configured', () => {
  expect(waitAt(4, 10)).toBe(4)
  expect(waitAt(4, 1_000)).toBe(4)
  expect(waitAt(50, 1_000)).toBe(50)
})

test('a busy feed waits longer, 40 ms at most, and never less than configured', () => {
  expect(waitAt(4, 5_000)).toBe(20)
  expect(waitAt(4, 10_000)).toBe(40)
  expect(waitAt(4, 1_000_000)).toBe(40)
  expect(waitAt(50, 10_000)).toBe(50)
})

test('a burst is forgotten within a second', () => {
  const linger = createLinger(4)
  linger.note(10_000, 1_000_000)
  expect(linger.nextMs()).toBeLessThanOrEqual(12)
  for (let nowMs = 1_000_100; nowMs <= 1_001_000; nowMs += 100) linger.note(10, nowMs)
  expect(linger.nextMs()).toBe(4)
})
