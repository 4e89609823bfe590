import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Vitals } from '../../src/feed/vitals.ts'

const START_MS = 1_000_000_000_000
const always = (): boolean => true

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS })
})
afterEach(() => {
  vi.useRealTimers()
})

test('a connection without frames is silent from the moment at which REST moves on, not before', () => {
  const vitals = new Vitals()
  expect(vitals.isSilent).toBe(false)
  vitals.note(new Map(), always)
  expect(vitals.isSilent).toBe(false)
  vitals.note(new Map([['1', START_MS + 5_000]]), always)
  expect(vitals.isSilent).toBe(true)
})

test('while nothing comes, a book that REST brought ends nothing; the first frame does', () => {
  const vitals = new Vitals()
  vitals.note(new Map([['1', START_MS + 5_000]]), always)
  vitals.note(new Map(), always)
  vitals.note(new Map([['2', START_MS + 9_000]]), always)
  expect([...vitals.owed]).toEqual([
    ['2', START_MS + 9_000],
    ['1', START_MS + 5_000],
  ])
  vitals.tickTimeMs = START_MS + 10_000
  expect(vitals.isSilent).toBe(false)
  vitals.note(new Map([['2', START_MS + 9_000]]), always)
  expect([...vitals.owed.keys()]).toEqual(['2'])
})

test('nothing is owed of a market that is paused', () => {
  const vitals = new Vitals()
  vitals.note(new Map([['1', START_MS + 5_000]]), always)
  vitals.note(new Map(), (marketId) => marketId !== '1')
  expect(vitals.owed.size).toBe(0)
})

test('a connection that is opened and closed over and over is none; a frame or 10 s make it one', () => {
  const vitals = new Vitals()
  for (let round = 0; round < 20; round++) {
    vi.advanceTimersByTime(1_000)
    vitals.opened()
    vi.advanceTimersByTime(500)
    expect(vitals.closedTimeMs).toBe(START_MS)
    vitals.ended()
  }
  vitals.opened()
  vitals.tickTimeMs = Date.now()
  expect(vitals.closedTimeMs).toBeUndefined()
  vitals.ended()
  expect(vitals.closedTimeMs).toBe(START_MS + 30_000)
  vitals.opened()
  vi.advanceTimersByTime(10_000)
  expect(vitals.closedTimeMs).toBeUndefined()
})
