import { expect, test } from 'vitest'
import { createHotCache, type MarketWrite } from '../../src/cache/hot-cache.ts'
import { appendedKey, readyKey } from '../../src/domain/keys.ts'
import { callScript } from '../../src/lib/script-call.ts'
import { createAppender, createEpoch } from '../../src/stream/append.ts'
import { openRedis } from '../support/services.ts'
import { signing } from './feed-support.ts'

const market = (changed: Partial<MarketWrite>): MarketWrite => ({
  marketId: '1',
  bidPrice: '0.4',
  bidSize: '1',
  askPrice: '0.6',
  askSize: '1',
  sequence: 1,
  verifiedSequence: '1',
  state: 'live',
  sourceTime: '1',
  updatedTime: '1',
  applied: '1:a 1:b',
  epoch: '1-a',
  depth: '',
  isQuoteChanged: false,
  ladders: [],
  ...changed,
})

const levels = (count: number, size: string): [string, string][] =>
  Array.from({ length: count }, (_, at) => [`0.${String(at + 1).padStart(4, '0')}`, size])

test('a flush of thousands of streams is appended, noted and announced by one call, each stream once', async () => {
  await using server = await openRedis()
  const redis = server.connect()
  const appender = createAppender({ redis, signing, shardCount: 2 })
  const epoch = createEpoch()
  const streams = Array.from({ length: 2_500 }, (_, at) => `orderbook:${at}`)
  const frame = { kind: 'websocket' as const, receivedTimeMs: 1, sourceReceivedTimeMs: undefined, text: '{}' }
  const entries = streams.map((stream) => ({ stream, epoch, firstOrdinal: 1, frames: [frame, frame] }))
  expect(await appender.append(entries)).toEqual({ type: 'appended', added: 2_500, refused: [] })
  expect(await appender.append(entries)).toEqual({ type: 'appended', added: 0, refused: [] })
  expect(await appender.readAppended(epoch)).toEqual(new Map(streams.map((stream) => [stream, 2])))
  const ready = [...(await redis.zrange(readyKey(0), '0', '-1')), ...(await redis.zrange(readyKey(1), '0', '-1'))]
  expect(ready.toSorted()).toEqual(streams.toSorted())
  redis.disconnect()
})

test('what an epoch has appended is found without a search through its other streams', async () => {
  await using server = await openRedis()
  const redis = server.connect()
  const epoch = createEpoch()
  const frame = { kind: 'websocket' as const, receivedTimeMs: 1, sourceReceivedTimeMs: undefined, text: '{}' }
  await createAppender({ redis, signing, shardCount: 1 }).append([
    { stream: 'orderbook:1', epoch, firstOrdinal: 1, frames: [frame] },
  ])
  expect(await redis.object('ENCODING', appendedKey(epoch))).toBe('hashtable')
  redis.disconnect()
})

test('a ladder of thousands of levels is written whole, then by its changes, a price once', async () => {
  await using server = await openRedis()
  const redis = server.connect()
  const write = createHotCache({ redis, ownerEpoch: 1 })
  const ladder = (isWhole: boolean, bids: [string, string][]) => [
    { outcomeId: '1:0', write: { isWhole, bids, asks: [] } },
  ]
  await write([market({ ladders: ladder(true, levels(3_000, '5')) })])
  expect(await redis.zcard('ladder:1:0:bid')).toBe(3_000)
  await write([market({ ladders: ladder(false, [...levels(2_999, '0'), ['0.3000', '7']]) })])
  expect(await redis.zrange('ladder:1:0:bid', '0', '-1')).toEqual(['0.3000:7'])
  redis.disconnect()
})

test('a quote that ended and lives again does not expire', async () => {
  await using server = await openRedis()
  const redis = server.connect()
  const write = createHotCache({ redis, ownerEpoch: 1 })
  await write([market({ state: 'stopped' })])
  expect(await redis.ttl('quote:1')).toBeGreaterThan(0)
  await write([market({ state: 'live' })])
  expect(await redis.ttl('quote:1')).toBe(-1)
  redis.disconnect()
})

test('a script is given every text as it is, whatever its alphabet', async () => {
  await using server = await openRedis()
  const redis = server.connect()
  const sha = String(await redis.script('LOAD', 'return {KEYS[1], ARGV[1], ARGV[2]}'))
  for (const texts of [
    ['key', '', 'a\r\nb'],
    ['é', '😀', 'x'.repeat(100_000)],
  ]) {
    expect(await callScript(redis, sha, texts.slice(0, 1), texts.slice(1))).toEqual(texts)
  }
  redis.disconnect()
})
