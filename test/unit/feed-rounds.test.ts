import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openStage, START_MS, type Call } from './feed-liveness-stage.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS })
})
afterEach(() => {
  vi.useRealTimers()
})

const timesAsked = (calls: Call[], token: string): number[] =>
  calls.filter(({ tokens }) => tokens.includes(token)).map(({ timeMs }) => timeMs)

/** The longest that a token of these stalls at any of 40 times, one after the other, until it is found. */
const longestStall = async (stage: ReturnType<typeof openStage>, quietMs: number): Promise<number> => {
  const { rest, seen, applied, stalled } = stage
  const delays: number[] = []
  for (let at = 0; at < 40; at++) {
    const token = String((at * 7) % rest.size)
    await vi.advanceTimersByTimeAsync(1_000 + at * 531)
    const sinceMs = Date.now()
    rest.set(token, { timeMs: sinceMs, hash: 'h2' })
    await vi.advanceTimersByTimeAsync(30_000)
    const found = stalled.find((one) => one.token === token && one.isProved && one.atMs > sinceMs)
    delays.push((found?.atMs ?? Infinity) - sinceMs)
    for (const state of [rest, applied]) state.set(token, { timeMs: Date.now() - quietMs, hash: 'h1' })
    seen.set(token, Date.now() - quietMs)
    await vi.advanceTimersByTimeAsync(30_000)
  }
  return Math.max(...delays)
}

test('a book that was quiet for a minute is asked for half as often, and still found within 30 s', async () => {
  const { rest, calls, stalled, unwatch } = openStage(10, START_MS - 60_000)
  await vi.advanceTimersByTimeAsync(60_000)
  const before = timesAsked(calls, '3').length
  expect(before).toBeGreaterThanOrEqual(5)
  expect(before).toBeLessThanOrEqual(7)
  const sinceMs = Date.now()
  rest.set('3', { timeMs: sinceMs, hash: 'h2' })
  await vi.advanceTimersByTimeAsync(30_000)
  unwatch()
  expect((stalled[0]?.atMs ?? Infinity) - sinceMs).toBeLessThanOrEqual(17_000)
})

test('4,000 books that were quiet for five minutes are asked for every fourth round, evenly', async () => {
  const { calls, unwatch } = openStage(4_000, 1)
  await vi.advanceTimersByTimeAsync(10_000)
  calls.length = 0
  await vi.advanceTimersByTimeAsync(80_000)
  unwatch()
  const tokens = calls.flatMap((call) => call.tokens)
  expect(tokens.length).toBeGreaterThan(14_000)
  expect(tokens.length).toBeLessThan(17_000)
  expect(new Set(tokens).size).toBe(4_000)
  expect(calls.length).toBeLessThanOrEqual(170)
})

test('a token that stalls after hours of quiet is found within 27 s, whenever it stalls', async () => {
  const stage = openStage(40, 1)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await longestStall(stage, 3_600_000)).toBeLessThanOrEqual(27_000)
  stage.unwatch()
})

test('a token that was still is asked for every round again once its socket brings a change', async () => {
  const { calls, seen, unwatch } = openStage(10, 1)
  await vi.advanceTimersByTimeAsync(60_000)
  seen.set('3', Date.now())
  const sinceMs = Date.now()
  await vi.advanceTimersByTimeAsync(30_000)
  unwatch()
  expect(timesAsked(calls, '3').filter((timeMs) => timeMs >= sinceMs).length).toBeGreaterThanOrEqual(5)
})

test('where four rounds would take longer than 20 s, a token at rest is asked for every other round', async () => {
  const { calls, rest, seen, unwatch } = openStage(24_000, 1)
  for (const token of [...rest.keys()].slice(0, 12_000)) {
    rest.set(token, { timeMs: START_MS + 600_000, hash: 'h1' })
    seen.set(token, START_MS + 600_000)
  }
  await vi.advanceTimersByTimeAsync(60_000)
  unwatch()
  const times = timesAsked(calls, '23999')
  const waits = times.slice(1).map((timeMs, at) => timeMs - (times[at] ?? 0))
  expect(Math.max(...waits)).toBeLessThanOrEqual(20_000)
})
