import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Frame } from '../../src/domain/frame.ts'
import { createLane, createOutbox, lastOrdinalOf } from '../../src/feed/outbox.ts'
import { createRing } from '../../src/feed/ring.ts'
import { createBackoff } from '../../src/lib/backoff.ts'
import { MARKET_CHANNEL, marketChannelUrl } from '../../src/venue/polymarket/market-channel.ts'

const frame = (text: string, kind: Frame['kind'] = 'websocket'): Frame => ({
  kind,
  receivedTimeMs: 1,
  sourceReceivedTimeMs: undefined,
  text,
})

test('ordinals are dense over entries, and a dropped frame leaves exactly its own hole', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3_000), { maxLength: 80 }), fc.integer({ min: 1, max: 20 }), (sizes, takeEvery) => {
      const budget = { usedBytes: 0, limitBytes: 20_000 }
      const outbox = createOutbox(budget)
      const lane = createLane('e', 'orderbook:1')
      const expected: number[] = []
      const taken: number[] = []
      const take = (): void => {
        for (const { entry, sizeBytes } of outbox.take(5_000)) {
          for (let at = 0; at < entry.frames.length; at++) taken.push(entry.firstOrdinal + at)
          outbox.free(sizeBytes)
        }
      }
      sizes.forEach((size, index) => {
        if (outbox.push(lane, frame('x'.repeat(size)))) expected.push(index + 1)
        if (index % takeEvery === 0) take()
        expect(budget.usedBytes).toBeLessThanOrEqual(budget.limitBytes)
      })
      while (!outbox.isEmpty()) take()
      expect(taken).toEqual(expected)
      expect(budget.usedBytes).toBe(0)
      expect(lane.nextOrdinal).toBe(sizes.length + 1)
    }),
  )
})

test('an entry holds at most 500 frames and a megabyte', () => {
  const outbox = createOutbox({ usedBytes: 0, limitBytes: 1e9 })
  const lane = createLane('e', 's')
  for (let at = 0; at < 1_200; at++) outbox.push(lane, frame('x'))
  for (let at = 0; at < 5; at++) outbox.push(lane, frame('y'.repeat(400_000)))
  const counts = outbox.take(1e9).map(({ entry }) => entry.frames.length)
  expect(counts).toEqual([500, 500, 202, 2, 1])
})

test('the ring gives back exactly what Redis lost, and names what it does not reach', () => {
  const outbox = createOutbox({ usedBytes: 0, limitBytes: 1e9 })
  const ring = createRing(1e9)
  const lane = createLane('e', 's')
  const flush = (nowMs: number): void => {
    outbox.push(lane, frame('x'))
    for (const packed of outbox.take(1e9)) {
      ring.keep(packed, lane.acknowledged, nowMs)
      lane.acknowledged = lastOrdinalOf(packed.entry)
    }
  }
  for (let second = 0; second < 10; second++) flush(second * 1_000)
  ring.expire(9_000)
  const after = (last: number) => ring.missing([lane], new Map([['s', last]]))
  expect(after(10)).toEqual({ entries: [], lost: [] })
  expect(after(8).entries.map(({ firstOrdinal }) => firstOrdinal)).toEqual([9, 10])
  expect(after(8).lost).toEqual([])
  expect(after(2).lost).toEqual([lane])
})

test('backoff stays within its bounds, doubles its ceiling, and starts anew after success', () => {
  const backoff = createBackoff({ initialMs: 250, maxMs: 30_000, random: () => 1 })
  const delays = Array.from({ length: 10 }, () => backoff.nextDelayMs())
  expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  backoff.reset()
  expect(backoff.nextDelayMs()).toBe(250)
  const lowest = createBackoff({ initialMs: 250, maxMs: 30_000, random: () => 0 })
  expect(lowest.nextDelayMs()).toBe(0)
})

test('subscribe frames carry each id once, at most 100 a frame, the flag in each, the type in the first', () => {
  const tokens = Array.from({ length: 250 }, (_, index) => String(index))
  const frames = MARKET_CHANNEL.subscribe(tokens, true).map((text) => JSON.parse(text))
  expect(frames.map(({ assets_ids }) => assets_ids.length)).toEqual([100, 100, 50])
  expect(frames.flatMap(({ assets_ids }) => assets_ids)).toEqual(tokens)
  expect(frames.map(({ type }) => type)).toEqual(['market', undefined, undefined])
  expect(frames.every((one) => one.custom_feature_enabled === true)).toBe(true)
})

test('the address of the venue may lack the path of the channel', () => {
  expect(marketChannelUrl('wss://x')).toBe('wss://x/ws/market')
  expect(marketChannelUrl('ws://x/')).toBe('ws://x/ws/market')
  expect(marketChannelUrl('ws://x/ws/market')).toBe('ws://x/ws/market')
})
