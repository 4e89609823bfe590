import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { StreamEntry } from '../../src/domain/frame.ts'
import { marketOfStream, orderbookStream, readyKey } from '../../src/domain/keys.ts'
import { createAppender, createEpoch } from '../../src/stream/append.ts'
import type { NewEntry } from '../../src/stream/entry.ts'
import { openRedis } from '../support/services.ts'
import { breaksOf, framesOf, markersOf, openBench, readStream, signing, until, websocketTexts } from './feed-support.ts'

const entry = (epoch: string, stream: string, firstOrdinal: number, texts: string[]): NewEntry => ({
  stream,
  epoch,
  firstOrdinal,
  frames: texts.map((text) => ({ kind: 'websocket', receivedTimeMs: 1, sourceReceivedTimeMs: undefined, text })),
})

test('an append repeated after a timeout adds nothing, and notes its streams as ready', async () => {
  await using server = await openRedis()
  const redis = server.connect()
  const appender = createAppender({ redis, signing, shardCount: 2 })
  const epoch = createEpoch()
  const entries = [
    entry(epoch, 'orderbook:1', 1, ['a', 'é😀']),
    entry(epoch, 'orderbook:2', 1, ['b']),
    entry(epoch, 'markets', 1, ['c']),
  ]
  expect(await appender.append(entries)).toEqual({ type: 'appended', added: 3, refused: [] })
  expect(await appender.append(entries)).toEqual({ type: 'appended', added: 0, refused: [] })
  expect(await appender.append([entry(epoch, 'orderbook:1', 3, ['d'])], new Map([['orderbook:1', 2]]))).toMatchObject({
    added: 1,
  })
  expect(framesOf(await readStream(redis, 'orderbook:1')).map(({ text }) => text)).toEqual(['a', 'é😀', 'd'])
  const ready = [...(await redis.zrange(readyKey(0), '0', '-1')), ...(await redis.zrange(readyKey(1), '0', '-1'))]
  expect(ready.toSorted()).toEqual(['markets', 'orderbook:1', 'orderbook:2'])
  redis.disconnect()
})

test('an append after Redis lost what it had acknowledged is refused whole, and a key of another type holds up nobody', async () => {
  await using server = await openRedis()
  const redis = server.connect()
  const appender = createAppender({ redis, signing, shardCount: 1 })
  const epoch = createEpoch()
  await appender.append([entry(epoch, 'orderbook:1', 1, ['a'])])
  await redis.flushall()
  expect(await appender.append([entry(epoch, 'orderbook:1', 2, ['b'])], new Map([['orderbook:1', 1]]))).toEqual({
    type: 'behind',
  })
  expect(await redis.exists('orderbook:1')).toBe(0)
  await redis.set('orderbook:2', 'a string')
  const result = await appender.append([entry(epoch, 'orderbook:2', 1, ['x']), entry(epoch, 'orderbook:3', 1, ['y'])])
  expect(result).toMatchObject({ added: 1, refused: [expect.stringContaining('WRONGTYPE')] })
  redis.disconnect()
})

test('kill -9 of Redis under load loses nothing: what it forgot is appended again, before anything new', async () => {
  await using bench = await openBench({ marketCount: 50, rate: 1_000 })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  await sleep(1_500)
  await bench.server.kill()
  await sleep(1_000)
  await bench.server.start()
  await sleep(1_000)
  bench.emulator.pause()
  // A trade is told up to 100 ms late, also after the pause.
  await sleep(200)
  await until(
    'every sent frame is in the streams',
    async () => websocketTexts(await bench.entries()).length >= (await bench.sentTexts()).length,
  )
  const entries = await bench.entries()
  expect(breaksOf(entries)).toEqual([])
  expect(websocketTexts(entries)).toEqual(await bench.sentTexts())
  expect(markersOf(entries).filter(({ type }) => type === 'gap')).toEqual([])
  expect(bench.emulator.ledger().connections.length).toBe(1)
})

test('what Redis lost further back than the feed keeps is a recorded gap with fresh books, and the feed goes on', async () => {
  await using bench = await openBench({ marketCount: 3 })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  bench.emulator.step(50)
  await sleep(3_500)
  bench.emulator.step(50)
  await until('what was sent is appended', async () => {
    const sent = await bench.sentTexts()
    return websocketTexts(await bench.entries()).length >= sent.length
  })
  await sleep(300)
  await bench.redis.flushall()
  bench.emulator.step(50)
  await until('all markets have a recorded loss', async () => {
    const gaps = markersOf(await bench.entries()).filter((marker) => marker.type === 'gap')
    return gaps.length === 3 && gaps.every(({ reason }) => reason === 'stream_loss')
  })
  await until(
    'fresh books',
    async () => framesOf(await bench.entries()).filter(({ kind }) => kind === 'rest').length >= 6,
  )
})

const brokenIn = (entries: StreamEntry[]): string[] => breaksOf(entries).map((line) => line.split(' ')[0] ?? '')

const restAfterOverflow = (entries: StreamEntry[]): number => {
  const frames = framesOf(entries)
  const gapAt = frames.findLastIndex(({ kind, text }) => kind === 'marker' && text.includes('overflow'))
  return frames.slice(gapAt).filter(({ kind }) => kind === 'rest').length
}

test('what does not fit into the buffer is a jump in the ordinals, a recorded gap and fresh books', async () => {
  await using bench = await openBench({ marketCount: 10, rate: 2_000 }, { FEED_BUFFER_BYTES: '200000' })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  process.kill(bench.server.pid(), 'SIGSTOP')
  const before = bench.emulator.ledger().framesSent
  await sleep(1_500)
  // Each is longer than 100 bytes.
  await until('more was sent than the buffer holds', () => bench.emulator.ledger().framesSent > before + 2_500)
  process.kill(bench.server.pid(), 'SIGCONT')
  bench.emulator.pause()
  await until('gaps are recorded', async () => markersOf(await bench.entries()).some((marker) => marker.type === 'gap'))
  await until('fresh books follow each gap', async () => {
    const all = await bench.entries()
    return brokenIn(all).every((stream) => restAfterOverflow(all.filter((one) => one.stream === stream)) >= 2)
  })
  const entries = await bench.entries()
  const broken = new Set(brokenIn(entries))
  expect(broken.size).toBeGreaterThan(0)
  for (const stream of broken) {
    const own = entries.filter((one) => one.stream === stream)
    expect(markersOf(own)).toEqual(
      expect.arrayContaining([expect.objectContaining({ type: 'gap', reason: 'overflow' })]),
    )
    expect(restAfterOverflow(own)).toBeGreaterThanOrEqual(2)
    expect(bench.marketIds).toContain(marketOfStream(stream))
  }
  const sent = new Set(await bench.sentTexts())
  expect(websocketTexts(entries).every((text) => sent.has(text))).toBe(true)
})

test('a Redis out of memory is waited for: nothing is lost when there is room again', async () => {
  await using bench = await openBench({ marketCount: 3 })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  await bench.redis.config('SET', 'maxmemory', '1mb')
  bench.emulator.step(100)
  await sleep(1_000)
  const stream = orderbookStream(bench.marketIds[0] ?? '')
  const before = framesOf(await readStream(bench.redis, stream)).length
  await sleep(500)
  expect(framesOf(await readStream(bench.redis, stream)).length).toBe(before)
  await bench.redis.config('SET', 'maxmemory', '0')
  await until(
    'every sent frame is in the streams',
    async () => websocketTexts(await bench.entries()).length === (await bench.sentTexts()).length,
  )
  expect(breaksOf(await bench.entries())).toEqual([])
})

test('a key of another type in the place of a stream is counted, confirms nothing, and holds up no other market', async () => {
  await using bench = await openBench({ marketCount: 2 })
  const [broken = '', whole = ''] = bench.marketIds
  await bench.redis.set(orderbookStream(broken), 'made by hand')
  await bench.desire(bench.marketIds, 'active')
  const confirmedIds = async (): Promise<string[]> => (await bench.redis.hkeys('confirmed:0')).toSorted()
  await until('the other market is confirmed', async () => (await confirmedIds()).includes(whole))
  await sleep(500)
  expect(await confirmedIds()).toEqual([whole])
  expect(bench.stats.read()['entriesRefused']).toBeGreaterThan(0)
  await bench.redis.del(orderbookStream(broken))
  bench.emulator.step(100)
  await until('the market is confirmed', async () => (await confirmedIds()).includes(broken))
  const [first] = await readStream(bench.redis, orderbookStream(broken))
  expect(first?.firstOrdinal).toBeGreaterThan(1)
})
