import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createMember, type Member } from '../../src/feed/market.ts'
import type { Missing } from '../../src/feed/rest-queue.ts'
import { createResync } from '../../src/feed/resync.ts'

const openStage = (marketCount = 1) => {
  const members = new Map<string, Member>()
  for (let at = 0; at < marketCount; at++) {
    const marketId = String(at)
    const tokens = [`${at}a`, `${at}b`]
    const desired = { marketId, conditionId: '', tokens, state: 'active' as const, depth: 0, generation: 1 }
    members.set(marketId, { ...createMember(desired, ''), phase: 'in' })
  }
  const calls: { atMs: number; tokens: string[] }[] = []
  const faults = { untilMs: 0, delayMs: 10, absent: '' }
  const request = async (tokens: string[]): Promise<Missing> => {
    calls.push({ atMs: Date.now(), tokens })
    await new Promise((resolve) => setTimeout(resolve, faults.delayMs))
    if (Date.now() < faults.untilMs) return { tokens: new Set(tokens), isAnswered: false }
    return { tokens: new Set(tokens.filter((token) => token === faults.absent)), isAnswered: true }
  }
  const resync = createResync({ members, rest: { request } })
  const timer = setInterval(() => resync.tick(), 250)
  return { members, member: members.get('0')!, calls, faults, resync, stop: () => clearInterval(timer) }
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

test('REST that fails for a minute is asked ever more slowly, and the books come within 10 s of its return', async () => {
  const { calls, faults, resync, stop } = openStage()
  const startedMs = Date.now()
  faults.untilMs = startedMs + 60_000
  resync.want('0')
  // The normalizer asks again at most 30 s after it asked last.
  for (let second = 0; second < 120; second++) {
    if (second % 30 === 29 && calls.at(-1)!.atMs < faults.untilMs) resync.want('0')
    await vi.advanceTimersByTimeAsync(1_000)
  }
  stop()
  expect(calls.length).toBeLessThanOrEqual(13)
  expect(calls.at(-1)!.atMs).toBeGreaterThanOrEqual(faults.untilMs - faults.delayMs)
  expect(calls.at(-1)!.atMs).toBeLessThanOrEqual(faults.untilMs + 10_500)
})

test('a market that is still joining is served as soon as it is in', async () => {
  const { member, calls, resync, stop } = openStage()
  member.phase = 'joining'
  resync.want('0')
  await vi.advanceTimersByTimeAsync(20_000)
  expect(calls).toEqual([])
  member.phase = 'in'
  await vi.advanceTimersByTimeAsync(500)
  stop()
  expect(calls.length).toBe(1)
})

test('what is asked while an answer is on its way gets an answer of its own; what was asked before shares it', async () => {
  const { calls, faults, resync, stop } = openStage()
  faults.delayMs = 2_000
  for (let ask = 0; ask < 20; ask++) resync.want('0')
  await vi.advanceTimersByTimeAsync(500)
  expect(calls.length).toBe(1)
  resync.want('0')
  await vi.advanceTimersByTimeAsync(30_000)
  stop()
  expect(calls.length).toBeGreaterThanOrEqual(2)
  expect(calls.length).toBeLessThanOrEqual(3)
})

test('all markets that are due share a call, and a book that REST does not have is not asked for ever', async () => {
  const { calls, faults, resync, stop } = openStage(50)
  faults.absent = '7b'
  for (let at = 0; at < 50; at++) resync.want(String(at))
  await vi.advanceTimersByTimeAsync(300)
  expect(calls.map(({ tokens }) => tokens.length)).toEqual([100])
  await vi.advanceTimersByTimeAsync(600_000)
  stop()
  expect(calls.slice(1).every(({ tokens }) => tokens.length === 2)).toBe(true)
  expect(calls.length).toBeLessThanOrEqual(11)
})

test('a market that was paused or has gone is not fetched', async () => {
  const { members, member, calls, resync, stop } = openStage(2)
  member.phase = 'joining'
  resync.want('0')
  member.desired = { ...member.desired, state: 'paused' }
  resync.want('1')
  members.delete('1')
  resync.want('unknown')
  await vi.advanceTimersByTimeAsync(10_000)
  stop()
  expect(calls).toEqual([])
})
