import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { PlacedSubscription } from '../../src/domain/subscription.ts'
import { createMember } from '../../src/feed/market.ts'
import { Overtaken } from '../../src/feed/overtaken.ts'
import { Pool } from '../../src/feed/pool.ts'
import { Slot } from '../../src/feed/slot.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'

const START_MS = 1_790_000_000_000
const desired: PlacedSubscription = {
  marketId: '1',
  conditionId: '0x1',
  tokens: ['a'],
  state: 'active',
  depth: 0,
  generation: 1,
}

beforeEach(() => void vi.useFakeTimers({ now: START_MS, toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

/** A market on a socket that is replaced at once, and books that follow `followed`. */
const open = () => {
  const member = createMember(desired, '100-a')
  member.phase = 'in'
  const state = { member, followed: '100-a', replacedMs: [] as number[], asked: [] as string[][] }
  const slot = Object.assign(Object.create(Slot.prototype), {
    replace: () => {
      state.replacedMs.push(Date.now() - START_MS)
      member.epoch = `${Number.parseInt(state.followed, 10) + 1}-a`
    },
  })
  const pool = new Pool({ tokensPerConnection: 10, createSlot: () => slot })
  vi.spyOn(pool, 'slotOf').mockReturnValue(slot)
  Object.defineProperty(slot, 'epoch', { value: undefined })
  const overtaken = new Overtaken({
    members: new Map([['1', member]]),
    pool,
    readFollowed: async (marketIds) => {
      state.asked.push(marketIds)
      return new Map([['1', state.followed]])
    },
    log: createLog('feed', 'silent'),
    stats: createStats(),
  })
  return { ...state, state, overtaken }
}

test('what follows a newer epoch for 10 s gets a newer socket, what follows ours does not', async () => {
  const { state, overtaken } = open()
  await overtaken.look(new Map([['1', START_MS - 9_999]]))
  expect(state.asked).toEqual([])
  await overtaken.look(new Map([['1', START_MS - 10_000]]))
  expect(state.asked).toEqual([['1']])
  expect(state.replacedMs).toEqual([])
  state.followed = '200-b'
  await overtaken.look(new Map([['1', START_MS - 10_000]]))
  expect(state.replacedMs).toEqual([0])
})

test('books that are asked for again and again for 10 s say so too, those that are asked for now and then do not', async () => {
  const { state, overtaken } = open()
  for (const seconds of [0, 41, 82]) {
    vi.setSystemTime(START_MS + seconds * 1_000)
    overtaken.noteAsked('1')
    await overtaken.look(new Map())
  }
  expect(state.asked).toEqual([])
  vi.setSystemTime(START_MS + 97_000)
  overtaken.noteAsked('1')
  await overtaken.look(new Map())
  await overtaken.look(new Map())
  expect(state.asked).toEqual([['1']])
})

test('two that outbid each other do so ever more seldom, at last every 10 min', async () => {
  const { state, overtaken } = open()
  for (let seconds = 0; seconds < 4_000; seconds++) {
    vi.setSystemTime(START_MS + seconds * 1_000)
    state.followed = `${Number.parseInt(state.member.epoch, 10) + 1}-b`
    await overtaken.look(new Map([['1', START_MS - 60_000]]))
  }
  const waits = state.replacedMs.slice(1).map((timeMs, index) => (timeMs - (state.replacedMs[index] ?? 0)) / 1_000)
  expect(waits.slice(0, 9)).toEqual([15, 30, 60, 120, 240, 480, 600, 600, 600])
})
