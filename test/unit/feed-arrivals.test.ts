import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Arrivals } from '../../src/feed/arrivals.ts'
import type { EpochLog } from '../../src/feed/epochs.ts'
import type { Hold } from '../../src/feed/hold.ts'
import { createMember, type Member } from '../../src/feed/market.ts'
import type { Pool } from '../../src/feed/pool.ts'
import type { Slot } from '../../src/feed/slot.ts'
import { createSocketLog, type SocketLog } from '../../src/feed/socket-log.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
})

const openLogs = () => {
  const opened: string[] = []
  const closed = new Set<string>()
  const open = (): EpochLog => {
    const epoch = `e${opened.length}`
    opened.push(epoch)
    return {
      epoch,
      epochOf: () => epoch,
      push: () => !closed.has(epoch),
      flushed: async () => undefined,
      close: () => void closed.add(epoch),
    }
  }
  return { open, opened, closed }
}

const arriving = (marketId: string): Member => {
  const desired = { marketId, conditionId: '', tokens: [`${marketId}a`], state: 'active' as const, depth: 0 }
  return createMember({ ...desired, generation: 1, passage: { type: 'arriving', from: 0 } }, '')
}

/** Sockets on which these markets arrive, of which nothing is applied: after 15 s they are overdue. */
const openStage = (sockets: string[][]) => {
  const logs = openLogs()
  const slots = sockets.map((marketIds) => {
    const socket = createSocketLog(logs.open(), () => undefined)
    for (const marketId of marketIds) socket.begin(`orderbook:${marketId}`, true)
    const slot = {
      socket: socket as SocketLog | undefined,
      members: new Map(marketIds.map((marketId) => [marketId, arriving(marketId)])),
      get epoch() {
        return slot.socket?.epoch
      },
      holds: (): [string, Hold][] =>
        (slot.socket?.holds() ?? []).map(([stream, hold]) => [stream.slice('orderbook:'.length), hold]),
      letGo: ({ desired }: Member, into: EpochLog | undefined) =>
        slot.socket?.release(`orderbook:${desired.marketId}`, into, []),
      end: () => {
        slot.socket?.close()
        slot.socket = undefined
      },
    }
    return slot
  })
  const members = new Map(slots.flatMap((slot) => [...slot.members]))
  const slotOf = (marketId: string) => slots.find((slot) => slot.members.has(marketId))
  const pool = { slots, slotOf } as unknown as Pool
  const stats = createStats()
  const faults: { onTakeOver: (marketId: string) => void } = { onTakeOver: () => undefined }
  const arrivals = new Arrivals({
    members,
    pool,
    readStanding: async () => new Map(),
    takeOver: async (marketId) => {
      faults.onTakeOver(marketId)
      return true
    },
    openEpoch: logs.open,
    wantBooks: () => undefined,
    log: createLog('feed', 'silent'),
    stats,
  })
  return { arrivals, slots, members, logs, stats, faults }
}

const lookOnce = async (arrivals: Arrivals): Promise<void> => {
  const ended = new AbortController()
  const followed = arrivals.follow(ended.signal)
  await vi.advanceTimersByTimeAsync(50)
  ended.abort()
  await followed
}

const writes = (slot: Pick<Slot, never> & { socket: SocketLog | undefined }, marketId: string): boolean | undefined =>
  slot.socket?.push(`orderbook:${marketId}`, {
    kind: 'websocket',
    receivedTimeMs: 1,
    sourceReceivedTimeMs: undefined,
    text: '{}',
  })

test('markets taken over together on two sockets go on under two epochs: the end of one socket ends only its own', async () => {
  const { arrivals, slots, members, logs, stats } = openStage([['1', '2'], ['3']])
  vi.advanceTimersByTime(16_000)
  await lookOnce(arrivals)
  expect(stats.read()).toMatchObject({ marketsMoved: 3 })
  const epochs = ['1', '2', '3'].map((marketId) => members.get(marketId)?.epoch)
  expect(epochs[0]).toBe(epochs[1])
  expect(epochs[2]).not.toBe(epochs[0])
  slots[0]?.end()
  expect(logs.closed.has(epochs[0] ?? '')).toBe(true)
  expect(writes(slots[1]!, '3')).toBe(true)
})

test('a market whose socket ends while it is taken over is this feed’s all the same, and leaves no epoch open', async () => {
  const { arrivals, slots, members, logs, stats, faults } = openStage([['1'], ['2']])
  faults.onTakeOver = (marketId) => {
    if (marketId === '1') slots[0]?.end()
  }
  vi.advanceTimersByTime(16_000)
  await lookOnce(arrivals)
  expect(stats.read()).toMatchObject({ marketsMoved: 2, marketsMovedWithGap: 2 })
  expect(members.get('1')?.asked.passage).toBeUndefined()
  for (const slot of slots) slot.end()
  expect(logs.opened.filter((epoch) => !logs.closed.has(epoch))).toEqual([])
})

test('the epoch of a market that comes to the same socket again ends when nobody who came with it writes there', () => {
  const logs = openLogs()
  const socket = createSocketLog(logs.open(), () => undefined)
  const shared = logs.open()
  for (const stream of ['a', 'b']) {
    socket.begin(stream, true)
    socket.release(stream, shared, [])
  }
  socket.begin('a', true)
  expect(logs.closed.has(shared.epoch)).toBe(false)
  socket.begin('b', true)
  expect(logs.closed.has(shared.epoch)).toBe(true)
})
