import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { orderbookStream, RESYNC_CHANNEL, UNROUTABLE_STREAM } from '../../src/domain/keys.ts'
import {
  breaksOf,
  framesOf,
  markersOf,
  openBench,
  readStream,
  until,
  websocketTexts,
  type Bench,
} from './feed-support.ts'
import { expectWithin, timed } from '../support/quickest.ts'

const settled = (bench: Bench): Promise<void> =>
  until('every sent frame is in the streams', async () => {
    const sent = await bench.sentTexts()
    return sent.length > 0 && websocketTexts(await bench.entries()).length >= sent.length
  })

test('every frame that the venue sent is in the stream of its market once, in order, byte for byte', async () => {
  await using bench = await openBench({ marketCount: 30 }, { TOKENS_PER_CONNECTION: '40' })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  for (let round = 0; round < 20; round++) {
    bench.emulator.step(100)
    await sleep(5)
  }
  await settled(bench)
  const entries = await bench.entries()
  expect(websocketTexts(entries)).toEqual(await bench.sentTexts())
  expect(breaksOf(entries)).toEqual([])
  expect(new Set(entries.map(({ epoch }) => epoch)).size).toBe(2)
  expect(bench.feed.figures()).toEqual({
    marketsSubscribed: 30,
    tokensWanted: 60,
    tokensSubscribed: 60,
    connectionsOpen: 2,
    groupsPaused: 0,
  })
})

test('subscribing never names more than 100 ids in a frame', async () => {
  await using bench = await openBench({ marketCount: 100 })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  const [connection, ...others] = bench.emulator.ledger().connections
  expect(others).toEqual([])
  expect(connection?.received.map(({ type, idCount }) => [type, idCount])).toEqual([
    ['subscribe', 100],
    ['subscribe', 100],
  ])
})

test('pause and resume touch only their own market, and the socket stays open', async () => {
  await using bench = await openBench({ marketCount: 5 })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  const one = bench.marketIds.slice(0, 1)
  const stream = orderbookStream(one[0] ?? '')
  await bench.desire(one, 'paused')
  await bench.confirmed(one, 'paused')
  expect(markersOf(await readStream(bench.redis, stream)).map(({ type }) => type)).toEqual([
    'subscribed',
    'gap',
    'unsubscribed',
  ])
  const before = framesOf(await readStream(bench.redis, stream)).length
  bench.emulator.step(200)
  await sleep(200)
  expect(framesOf(await readStream(bench.redis, stream)).length).toBe(before)
  await bench.desire(one, 'active')
  await bench.confirmed(one, 'active')
  const frames = framesOf(await readStream(bench.redis, stream)).slice(before)
  // A book that is late is asked for once more.
  const kinds = frames.map(({ kind }) => kind)
  expect(kinds.slice(0, 2)).toEqual(['rest', 'rest'])
  expect(kinds.filter((kind) => kind !== 'rest')).toEqual(['marker'])
  const { connections } = bench.emulator.ledger()
  expect(connections.length).toBe(1)
  expect(connections[0]?.received.map(({ type, idCount }) => [type, idCount])).toEqual([
    ['subscribe', 10],
    ['unsubscribe', 2],
    ['subscribe', 2],
  ])
  for (const marketId of bench.marketIds.slice(1)) {
    expect(markersOf(await readStream(bench.redis, orderbookStream(marketId))).map(({ type }) => type)).toEqual([
      'subscribed',
    ])
  }
})

test('a market stopped and forgotten leaves, one that vanished from the hash stays subscribed', async () => {
  await using bench = await openBench({ marketCount: 3 })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  const asked: string[] = []
  const listener = bench.connect()
  await listener.subscribe('reassert')
  listener.on('message', (_, message) => asked.push(message))
  const [kept = '', stopped = ''] = bench.marketIds
  await bench.redis.hdel('desired:0', kept)
  await bench.desire([stopped], 'stopped')
  await bench.confirmed([stopped], 'stopped')
  await until('the vanished market is asked for', () => asked.includes(kept))
  await bench.redis.hdel('desired:0', stopped)
  await sleep(300)
  expect(bench.feed.figures()).toMatchObject({ tokensSubscribed: 4, connectionsOpen: 1 })
})

test('a closed socket leaves a gap in every market and comes back under a new epoch', async () => {
  await using bench = await openBench({ marketCount: 4 })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  bench.emulator.step(50)
  await settled(bench)
  bench.emulator.close({ connection: undefined, abrupt: true })
  await until('a second socket is subscribed', () => bench.emulator.ledger().connections.length === 2)
  await until('all are subscribed', () => bench.feed.figures().tokensSubscribed === 8)
  bench.emulator.step(50)
  await settled(bench)
  const entries = await bench.entries()
  expect(websocketTexts(entries)).toEqual(await bench.sentTexts())
  expect(breaksOf(entries)).toEqual([])
  const epochs = [...new Set(entries.map(({ epoch }) => epoch))].toSorted()
  for (const marketId of bench.marketIds) {
    const markers = markersOf(await readStream(bench.redis, orderbookStream(marketId)))
    expect(markers).toMatchObject([
      { type: 'subscribed', epoch: epochs[0] },
      { type: 'gap', reason: 'disconnect', epoch: epochs[0] },
      { type: 'subscribed', epoch: epochs[1] },
    ])
  }
})

test('garbage never stops the feed: what names no market lands in the unroutable stream, raw', async () => {
  await using bench = await openBench({ marketCount: 2 })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  const condition = bench.emulator.catalogue.markets[0]?.conditionId ?? ''
  const lost = [
    'INVALID OPERATION',
    '{"event_type":"book"',
    '[{"a":1},',
    '[1,"x"]',
    '\u0000\uFFFD{',
    '{"event_type":"new_kind","market":"0x1"}',
  ]
  const kept = [
    `{"market":"${condition}","event_type":"never_seen","x":[1]}`,
    `{"market": "${condition}", "price_changes":[{"asset_id`,
  ]
  for (const text of [...lost, '', '[]', ' \n', 'PONG', ...kept]) bench.emulator.send(text)
  bench.emulator.step(20)
  await until(
    'unroutable frames arrived',
    async () => framesOf(await readStream(bench.redis, UNROUTABLE_STREAM)).length >= 7,
  )
  const unroutable = framesOf(await readStream(bench.redis, UNROUTABLE_STREAM)).map(({ text }) => text)
  expect(unroutable.toSorted()).toEqual([...lost.filter((text) => text !== '[1,"x"]'), '1', '"x"'].toSorted())
  expect(bench.stats.read()['unroutable']).toBe(7)
  const texts = framesOf(await readStream(bench.redis, orderbookStream(bench.marketIds[0] ?? ''))).map(
    ({ text }) => text,
  )
  expect(texts).toEqual(expect.arrayContaining(kept))
})

test('a token without a snapshot gets one by REST, and the loss is recorded when REST fails too', async () => {
  await using bench = await openBench({ marketCount: 2 })
  bench.emulator.withholdSnapshots({ tokens: [], count: 1 })
  bench.emulator.failRest({ status: 404, count: 1 })
  await bench.desire(bench.marketIds, 'active')
  await until('the missing snapshots are recorded', async () => {
    const gaps = markersOf(await bench.entries()).filter((marker) => marker.type === 'gap')
    return gaps.length === 2 && gaps.every(({ reason }) => reason === 'snapshot_missing')
  })
  await until(
    'books came by REST',
    async () => framesOf(await bench.entries()).filter(({ kind }) => kind === 'rest').length >= 4,
  )
})

test('a market that closed while it was paused is resumed within 5 s though REST has no book, and its silence is no fault', async () => {
  await using bench = await openBench({ marketCount: 2 })
  const [closed = ''] = bench.marketIds
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  await bench.desire([closed], 'paused')
  await bench.confirmed([closed], 'paused')
  bench.emulator.closeMarket(closed)
  await expectWithin('a market without a book is resumed', 5_000, async (attempt) => {
    if (attempt > 0) await bench.desire([closed], 'paused')
    if (attempt > 0) await bench.confirmed([closed], 'paused')
    return timed(async () => {
      await bench.desire([closed], 'active')
      await bench.confirmed([closed], 'active')
    })
  })
  const markers = markersOf(await readStream(bench.redis, orderbookStream(closed)))
  // It is said once, though it were resumed again.
  expect(markers.filter((marker) => marker.type === 'gap' && marker.reason === 'snapshot_missing')).toHaveLength(1)
  expect(markers.at(-1)).toMatchObject({ type: 'subscribed' })
  expect(bench.feed.compareSubscriptions(Date.now() + 31_000)).toBe(0)
})

test('a resync is answered by REST once, however often it is asked for', async () => {
  await using bench = await openBench({ marketCount: 2 })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  const marketId = bench.marketIds[0] ?? ''
  const asking = bench.redis.pipeline()
  for (let ask = 0; ask < 20; ask++) asking.publish(RESYNC_CHANNEL, marketId)
  await asking.exec()
  const rest = async (): Promise<number> =>
    framesOf(await readStream(bench.redis, orderbookStream(marketId))).filter(({ kind }) => kind === 'rest').length
  await until('books came by REST', async () => (await rest()) === 2)
  await sleep(1_500)
  expect(await rest()).toBe(2)
})
