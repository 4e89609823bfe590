import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { judge, parseApplied } from '../../src/feed/suspicion.ts'
import { openStage, START_MS } from './feed-liveness-stage.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS })
})
afterEach(() => {
  vi.useRealTimers()
})

test('20,000 tokens are asked for once in 10 s, evenly, in calls of at most 500, far inside the limit', async () => {
  const { calls, unwatch } = openStage(20_000)
  await vi.advanceTimersByTimeAsync(10_400)
  unwatch()
  const first = calls.slice(
    0,
    calls.findIndex((_, at) => calls.slice(0, at + 1).flatMap((c) => c.tokens).length >= 20_000) + 1,
  )
  expect(new Set(first.flatMap(({ tokens }) => tokens)).size).toBe(20_000)
  expect(Math.max(...calls.map(({ tokens }) => tokens.length))).toBeLessThanOrEqual(500)
  expect(calls.length).toBeLessThanOrEqual(225)
  const bySecond = new Map<number, number>()
  for (const { timeMs } of calls)
    bySecond.set(Math.floor(timeMs / 1_000), (bySecond.get(Math.floor(timeMs / 1_000)) ?? 0) + 1)
  expect(Math.max(...bySecond.values())).toBeLessThanOrEqual(24)
})

test('a token whose book moves at REST but never comes is found within 30 s, whenever it stalls', async () => {
  const { rest, stalled, moveAll, unwatch } = openStage(40)
  const delays: number[] = []
  for (let at = 0; at < 40; at++) {
    const token = String((at * 7) % 40)
    moveAll()
    await vi.advanceTimersByTimeAsync(1_000 + at * 131)
    const sinceMs = Date.now()
    rest.set(token, { timeMs: sinceMs, hash: 'h2' })
    await vi.advanceTimersByTimeAsync(30_000)
    const found = stalled.find((one) => one.token === token && one.isProved)
    delays.push((found?.atMs ?? Infinity) - sinceMs)
  }
  unwatch()
  expect(Math.max(...delays)).toBeLessThanOrEqual(12_000)
})

test('quiet markets, older answers of REST and slow frames raise no alarm', async () => {
  const { rest, applied, seen, stalled, stats, unwatch } = openStage(20)
  for (let second = 0; second < 120; second++) {
    const nowMs = Date.now()
    rest.set('1', { timeMs: 0, hash: 'ghost' })
    // REST is 3 s ahead of what comes, or 8 s behind it.
    rest.set('2', { timeMs: nowMs, hash: String(nowMs) })
    seen.set('2', nowMs - 3_000)
    applied.set('2', { timeMs: nowMs - 3_000, hash: String(nowMs - 3_000) })
    rest.set('4', { timeMs: nowMs - 8_000, hash: String(nowMs - 8_000) })
    seen.set('4', nowMs)
    applied.set('4', { timeMs: nowMs, hash: String(nowMs) })
    await vi.advanceTimersByTimeAsync(1_000)
  }
  unwatch()
  expect(stalled).toEqual([])
  expect(stats.read()['tokensStalled']).toBeUndefined()
})

test('what came but is not applied is the normalizer, not the token: counted, nothing moved', async () => {
  const { rest, seen, stalled, stats, unwatch } = openStage(20)
  for (let second = 0; second < 60; second++) {
    for (const token of rest.keys()) {
      rest.set(token, { timeMs: Date.now(), hash: 'h2' })
      seen.set(token, Date.now())
    }
    await vi.advanceTimersByTimeAsync(1_000)
  }
  unwatch()
  expect(stalled).toEqual([])
  expect(stats.read()['tokensLagging']).toBeGreaterThan(20)
})

test('a stall is found without a normalizer too', async () => {
  const { rest, stalled, faults, unwatch } = openStage(4)
  faults.isAppliedAbsent = true
  await vi.advanceTimersByTimeAsync(1_000)
  rest.set('2', { timeMs: Date.now(), hash: 'h2' })
  await vi.advanceTimersByTimeAsync(17_000)
  unwatch()
  expect(stalled[0]).toMatchObject({ marketId: 'm1', token: '2', seenTimeMs: START_MS })
})

test('the first evidence stands though REST then answers an older book, and frames that come clear it', async () => {
  const { rest, seen, stalled, stats, unwatch } = openStage(4)
  const wantedMs = START_MS + 1
  for (const token of ['0', '2']) rest.set(token, { timeMs: wantedMs, hash: 'h2' })
  await vi.advanceTimersByTimeAsync(5_000)
  for (const token of ['0', '2']) rest.set(token, { timeMs: START_MS, hash: 'h1' })
  seen.set('2', wantedMs)
  await vi.advanceTimersByTimeAsync(6_000)
  unwatch()
  expect(new Set(stalled.filter(({ isProved }) => isProved).map(({ token }) => token))).toEqual(new Set(['0']))
  expect(stats.read()['tokensStalled']).toBe(1)
})

test('a stall is not hidden by what REST had before and the normalizer has not applied yet', async () => {
  const { rest, applied, seen, stalled, unwatch } = openStage(2)
  rest.set('1', { timeMs: START_MS + 1, hash: 'h2' })
  seen.set('1', START_MS + 1)
  await vi.advanceTimersByTimeAsync(4_000)
  applied.set('1', { timeMs: START_MS + 1, hash: 'h2' })
  const sinceMs = Date.now()
  for (let second = 0; second < 12; second++) {
    rest.set('1', { timeMs: Date.now(), hash: `moved ${second}` })
    await vi.advanceTimersByTimeAsync(1_000)
  }
  unwatch()
  expect((stalled[0]?.atMs ?? Infinity) - sinceMs).toBeLessThanOrEqual(11_000)
})

test('another book of the same millisecond is a lost batch when REST says it twice; found within 30 s, tried once', async () => {
  const { rest, stalled, stats, unwatch } = openStage(4)
  const sinceMs = Date.now()
  rest.set('3', { timeMs: START_MS, hash: 'other' })
  await vi.advanceTimersByTimeAsync(29_000)
  expect(stalled[0]).toMatchObject({ marketId: 'm1', token: '3', isProved: true })
  expect((stalled[0]?.atMs ?? Infinity) - sinceMs).toBeLessThanOrEqual(17_000)
  await vi.advanceTimersByTimeAsync(120_000)
  unwatch()
  expect(stats.read()['tokensStalled']).toBe(1)
})

test('an answer of REST made between two batches of one millisecond raises no alarm', async () => {
  const { rest, stalled, unwatch } = openStage(4)
  rest.set('3', { timeMs: START_MS, hash: 'between' })
  await vi.advanceTimersByTimeAsync(9_000)
  rest.set('3', { timeMs: START_MS, hash: 'h1' })
  await vi.advanceTimersByTimeAsync(60_000)
  unwatch()
  expect(stalled).toEqual([])
})

test('tokens for which REST had no answer are asked again at once, and REST is not flooded while it fails', async () => {
  const { rest, faults, calls, stalled, stats, unwatch } = openStage(100)
  await vi.advanceTimersByTimeAsync(1_000)
  for (const token of rest.keys()) rest.set(token, { timeMs: START_MS + 2, hash: 'h2' })
  faults.failures = 20
  const sinceMs = Date.now()
  await vi.advanceTimersByTimeAsync(30_000)
  unwatch()
  expect(new Set(stalled.filter(({ isProved }) => isProved).map(({ token }) => token)).size).toBe(100)
  expect(
    Math.max(
      ...[...rest.keys()].map((token) => (stalled.find((one) => one.token === token)?.atMs ?? Infinity) - sinceMs),
    ),
  ).toBeLessThanOrEqual(30_000)
  expect(stats.read()['livenessFailures']).toBe(20)
  expect(calls.length).toBeLessThan(150)
})

test('nothing is asked when nobody watches', async () => {
  const { calls, unwatch } = openStage(4)
  await vi.advanceTimersByTimeAsync(1_000)
  unwatch()
  const before = calls.length
  await vi.advanceTimersByTimeAsync(60_000)
  expect(calls.length).toBe(before)
})

test('REST is compared with the newer of what came and what was applied', () => {
  const rest = { timeMs: 5, hash: 'x' }
  expect(judge({ rest, seenTimeMs: 4, applied: undefined })).toBe('stalled')
  expect(judge({ rest, seenTimeMs: 4, applied: { timeMs: 4, hash: 'x' } })).toBe('stalled')
  expect(judge({ rest, seenTimeMs: 4, applied: { timeMs: 5, hash: 'x' } })).toBe('current')
  expect(judge({ rest, seenTimeMs: 5, applied: { timeMs: 4, hash: 'y' } })).toBe('lagging')
  expect(judge({ rest, seenTimeMs: 5, applied: { timeMs: 5, hash: 'y' } })).toBe('other_hash')
  expect(judge({ rest, seenTimeMs: 9, applied: { timeMs: 9, hash: 'y' } })).toBe('current')
  expect(judge({ rest, seenTimeMs: 5, applied: undefined })).toBe('current')
})

test('an absent or broken `applied` says nothing', () => {
  expect(parseApplied('12:ab :', 0)).toEqual({ timeMs: 12, hash: 'ab' })
  for (const text of [undefined, '', ':', 'x:y', '12:ab :']) expect(parseApplied(text, 1)).toBeUndefined()
})
