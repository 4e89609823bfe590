import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Tick } from '../../src/activities/normalizer-listeners.ts'
import { Shard, type ShardParts } from '../../src/activities/normalizer-shard.ts'
import { createStats } from '../../src/lib/stats.ts'
import { newBatch } from '../../src/normalizer/batch.ts'

const START_MS = 1_790_000_000_000

beforeEach(() => void vi.useFakeTimers({ now: START_MS, toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

const nothing = () => Promise.resolve()
const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms)

/** A shard whose reader answers as it is told; each answer takes a while, and each read leaves entries or none. */
const openShard = async () => {
  const ticks: Pick<Tick, 'nowMs' | 'isBehind'>[] = []
  let answer = (): string[] => []
  let isMore = false
  const named = () => Promise.resolve().then(() => answer())
  const tapeOf = (stream: string) => ({ stream, lastId: '0-0' })
  const reads: string[][] = []
  const reader = {
    waitReady: named,
    popReady: named,
    scan: () => Promise.resolve([]),
    tails: () => Promise.resolve(new Map()),
    read: (positions: [string, string][]) => {
      reads.push(positions.map(([stream]) => stream))
      return Promise.resolve(positions.map(([stream]) => ({ stream, entries: [], isMore })))
    },
  }
  const tapes = {
    parked: new Set(),
    judge: {},
    get: tapeOf,
    streams: () => ['orderbook:1'],
    markets: () => [],
    openAll: () => Promise.resolve([]),
    waking: () => [],
  }
  const books = { batch: newBatch(), mark: () => undefined }
  const shared = { isHeld: false }
  const parts = {
    shard: 0,
    config: { NORMALIZER_SHARDS: 1 },
    stats: createStats(),
    reader,
    tapes,
    lanes: { books, shared, of: () => books, mark: () => undefined, admit: nothing },
    views: { show: nothing },
    closing: () => undefined,
    listening: { tick: ({ nowMs, isBehind }: Tick) => (ticks.push({ nowMs: nowMs - START_MS, isBehind }), []) },
    showing: { failure: undefined, add: () => undefined },
  }
  const shard = new Shard(parts as unknown as ShardParts)
  await shard.start([])
  // What stands in its own streams at the start: of no market, then trades, then nothing is asked for ahead.
  for (let steps = 0; steps < 3; steps++) await shard.step()
  ticks.length = 0
  reads.length = 0
  return {
    sweep: () => shard.sweep(false),
    /** The names that Redis gives, and how long the process hangs after its answer. */
    step: async (names: string[], { hangsMs = 0, isMoreLeft = false } = {}) => {
      isMore = isMoreLeft
      later(250)
      answer = () => (later(hangsMs), names)
      await shard.step()
      return ticks.at(-1)
    },
    fail: async () => {
      answer = () => {
        throw new Error('ECONNRESET')
      }
      await expect(shard.step()).rejects.toThrow('ECONNRESET')
    },
    ticks,
    reads,
    shared,
  }
}

test('time is told up to when Redis was asked, however long the process hung since, for frames may wait there', async () => {
  const { step } = await openShard()
  expect(await step([], { hangsMs: 9_000 })).toEqual({ nowMs: 250, isBehind: false })
  expect(await step([])).toEqual({ nowMs: 9_500, isBehind: false })
})

test('a shard that is busy and keeps up tells the time of what it has applied; one that is behind says so', async () => {
  const { step } = await openShard()
  expect(await step(['orderbook:1'])).toEqual({ nowMs: 250, isBehind: false })
  // What was asked for ahead, while that was applied, is of then.
  expect(await step(['orderbook:1'])).toEqual({ nowMs: 250, isBehind: false })
  expect(await step(['orderbook:1'], { isMoreLeft: true })).toMatchObject({ isBehind: true })
  expect(await step([], { isMoreLeft: true, hangsMs: 5_000 })).toMatchObject({ isBehind: true })
  expect(await step([])).toMatchObject({ isBehind: false })
})

test('an answer that may have left names out tells no time', async () => {
  const { step } = await openShard()
  const full = Array.from({ length: 1_000 }, () => 'orderbook:1')
  expect(await step(full)).toEqual({ nowMs: 0, isBehind: false })
})

test('after an answer that was lost nothing is known until all streams were looked at', async () => {
  const { step, fail, sweep, ticks } = await openShard()
  await fail()
  expect(ticks).toEqual([])
  expect(await step([])).toMatchObject({ isBehind: true })
  await sweep()
  expect(await step([], { isMoreLeft: true })).toMatchObject({ isBehind: true })
  // Asked ahead, while what was left was read.
  expect(await step([])).toEqual({ nowMs: 500, isBehind: false })
})

test('no trades are read while an answer as old as they are says that there is news of markets', async () => {
  const { step, reads } = await openShard()
  await step(['trades'])
  expect(reads).toEqual([['trades']])
  // The answer that was asked for ahead named trades alone; by now markets were noted, too.
  await step(['markets'])
  expect(reads[1]).toEqual(['markets'])
})

test('streams of no market are left alone while their batch is full, and books are read', async () => {
  const { step, reads, shared } = await openShard()
  shared.isHeld = true
  await step(['markets', 'orderbook:1'])
  expect(reads).toEqual([['orderbook:1']])
  shared.isHeld = false
  await step([])
  expect(reads.at(-1)).toContain('markets')
})
