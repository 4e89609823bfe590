import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { MoveMarkers } from '../../src/feed/live.ts'
import { createMember, type Member } from '../../src/feed/market.ts'
import type { Pool } from '../../src/feed/pool.ts'
import { Relocation } from '../../src/feed/relocation.ts'
import type { Slot } from '../../src/feed/slot.ts'
import type { Stalled } from '../../src/feed/suspects.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'

const START_MS = 1_000_000_000_000

/** Markets of two tokens, `<id>a` and `<id>b`, all on one connection; `heardCount` tokens of it bring frames. */
const openStage = (marketCount: number, heardCount: number) => {
  const members = new Map<string, Member>()
  for (let at = 0; at < marketCount; at++) {
    const marketId = String(at)
    const desired = {
      marketId,
      conditionId: '',
      tokens: [`${at}a`, `${at}b`],
      state: 'active' as const,
      depth: 0,
      generation: 1,
    }
    members.set(marketId, { ...createMember(desired, '1'), phase: 'in' })
  }
  const moves: { marketId: string; atMs: number; markers: MoveMarkers }[] = []
  const replaced: number[] = []
  const slot = { epoch: '1', members, heardSince: () => heardCount, replace: () => void replaced.push(Date.now()) }
  const room = { isFull: false }
  const pool = {
    slotOf: () => slot as unknown as Slot,
    move: ({ desired: { marketId } }: Member, markers: MoveMarkers) => {
      if (!room.isFull) moves.push({ marketId, atMs: Date.now(), markers })
      return !room.isFull
    },
  }
  const stats = createStats()
  const deps = { members, pool: pool as unknown as Pool, log: createLog('feed', 'silent'), stats }
  return { relocation: new Relocation(deps), slot: slot as unknown as Slot, members, moves, replaced, room, stats }
}

const stalledOf = (marketId: string, seenTimeMs = START_MS - 9_000, isProved = true): Stalled => ({
  marketId,
  token: `${marketId}a`,
  restTimeMs: START_MS,
  seenTimeMs,
  sinceMs: START_MS,
  isProved,
})

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS })
})
afterEach(() => {
  vi.useRealTimers()
})

test('a stalled token is said at once, the other token of its market when it leaves', () => {
  const { relocation, moves, stats } = openStage(3, 5)
  relocation.take([stalledOf('1')])
  expect(moves.map(({ marketId }) => marketId)).toEqual(['1'])
  expect(moves[0]?.markers).toMatchObject({
    atOnce: [{ reason: 'token_stalled', tokens: ['1a'] }],
    atDeparture: [{ reason: 'token_stalled', tokens: ['1b'] }],
  })
  expect(stats.read()['tokensRehomed']).toBe(2)
})

test('what is not proved yet moves nothing', () => {
  const { relocation, moves, replaced } = openStage(5, 0)
  relocation.take(['0', '1', '2', '3'].map((marketId) => stalledOf(marketId, 0, false)))
  expect([moves, replaced]).toEqual([[], []])
})

test('moves that bring nothing come ever more seldom; one that helped puts no limit on the next', () => {
  const { relocation, moves } = openStage(1, 9)
  for (let second = 0; second < 3_600; second++) {
    relocation.take([stalledOf('0')])
    vi.advanceTimersByTime(1_000)
  }
  const waits = moves.slice(1).map(({ atMs }, at) => (atMs - (moves[at]?.atMs ?? 0)) / 1_000)
  expect(waits).toEqual([15, 30, 60, 120, 240, 480, 600, 600, 600, 600])
  relocation.take([{ ...stalledOf('0', START_MS), restTimeMs: START_MS + 1 }])
  expect(moves.length).toBe(waits.length + 2)
})

test('a feed moves at most 20 markets in 10 s, the others after that', () => {
  const { relocation, moves } = openStage(50, 1_000)
  const all = Array.from({ length: 50 }, (_, at) => stalledOf(String(at)))
  for (let tick = 0; tick < 18; tick++) {
    relocation.take(all)
    vi.advanceTimersByTime(500)
  }
  expect(moves.length).toBe(20)
  vi.advanceTimersByTime(2_000)
  relocation.take(all)
  expect(moves.length).toBe(40)
})

test('told to move, it moves what is owed without a wait, each with a gap, and never more than 20 markets in 10 s', () => {
  const { relocation, slot, moves } = openStage(30, 1_000)
  relocation.take([stalledOf('0')])
  relocation.moveOwed(slot, ['0', 'elsewhere', ...Array.from({ length: 29 }, (_, at) => String(at + 1))])
  expect(moves.map(({ marketId }) => marketId)).toEqual(['0', ...Array.from({ length: 19 }, (_, at) => String(at))])
  expect(moves.at(-1)?.markers.atOnce).toMatchObject([{ type: 'gap', reason: 'token_stalled', tokens: ['18a', '18b'] }])
})

test('a connection of which most stalls is replaced, and not again and again where that brings nothing', () => {
  const { relocation, moves, replaced, stats } = openStage(20, 2)
  const all = Array.from({ length: 20 }, (_, at) => stalledOf(String(at), START_MS - 9_000, at === 0))
  for (let second = 0; second < 600; second++) {
    relocation.take(all)
    vi.advanceTimersByTime(1_000)
  }
  expect(moves).toEqual([])
  expect(replaced.length).toBe(6)
  expect(stats.read()['connectionsReplaced']).toBe(6)
})

test('without room for one more connection its own is replaced', () => {
  const { relocation, moves, replaced, room } = openStage(3, 5)
  room.isFull = true
  relocation.take([stalledOf('1')])
  expect(moves).toEqual([])
  expect(replaced.length).toBe(1)
})
