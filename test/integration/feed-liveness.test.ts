import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { orderbookStream, RESYNC_CHANNEL } from '../../src/domain/keys.ts'
import { openApplied } from './feed-applied.ts'
import {
  breaksOf,
  framesOf,
  markersOf,
  openBench,
  readStream,
  subscribe,
  until,
  websocketTexts,
  type Bench,
} from './feed-support.ts'

const gapsOf = async (bench: Bench, marketId: string) =>
  markersOf(await readStream(bench.redis, orderbookStream(marketId))).flatMap((marker) =>
    marker.type === 'gap' ? [marker] : [],
  )

const tokensOf = (bench: Bench, marketId: string): string[] =>
  bench.emulator.catalogue.byKey({ marketId })?.tokens.map(({ token }) => token) ?? []

/** Texts that were sent of these markets, or that stand in their streams. */
const about = (bench: Bench, texts: string[], marketIds: string[]): string[] => {
  const conditions = marketIds.map((marketId) => bench.emulator.catalogue.byKey({ marketId })?.conditionId ?? '')
  return texts.filter((text) => conditions.some((condition) => text.includes(condition)))
}

test.concurrent('a token that stops while PONG is answered is found within 30 s and moved; other markets notice nothing', async () => {
  await using bench = await openBench({ marketCount: 12, rate: 60 })
  await using _applied = openApplied(bench)
  await subscribe(bench)
  await sleep(3_000)
  const [moved = '', ...others] = bench.marketIds
  const [muted = '', companion = ''] = tokensOf(bench, moved)
  const mutedTimeMs = Date.now()
  bench.emulator.mute(muted, true)
  await until('the stall is recorded', async () => (await gapsOf(bench, moved)).length > 0, 30_000)
  console.log(`a muted token was found after ${Date.now() - mutedTimeMs} ms`)
  await until('the market is subscribed again', () => bench.feed.figures().tokensSubscribed === 24)
  const changesAfter = async (): Promise<number> => {
    const [gap] = await gapsOf(bench, moved)
    const frames = framesOf(await readStream(bench.redis, orderbookStream(moved)))
    const newer = frames.filter(({ epoch }) => epoch > (gap?.epoch ?? ''))
    return newer.filter(({ text }) => text.includes('price_change') && text.includes(muted)).length
  }
  await until('the muted token is heard again', async () => (await changesAfter()) > 0)
  bench.emulator.pause()
  await sleep(300)
  const readOthers = async () =>
    (await Promise.all(others.map((id) => readStream(bench.redis, orderbookStream(id))))).flat()
  await until('all that was sent of the others is in their streams', async () => {
    const sent = about(bench, await bench.sentTexts(), others)
    return about(bench, websocketTexts(await readOthers()), others).length >= sent.length
  })
  const own = await readStream(bench.redis, orderbookStream(moved))
  const gaps = await gapsOf(bench, moved)
  expect(gaps.map(({ reason, tokens }) => [reason, tokens])).toEqual([
    ['token_stalled', [muted]],
    ['token_stalled', [companion]],
  ])
  const frames = framesOf(own)
  const departedAt = frames.findLastIndex(
    ({ kind, text }) => kind === 'marker' && text.includes(companion) && text.includes('gap'),
  )
  // What the old connection had on its way may stand between the two, and after them.
  const arrivedAt = frames.findIndex(({ epoch }) => epoch > (gaps[0]?.epoch ?? ''))
  const [departed, arrived] = [frames[departedAt], frames[arrivedAt]]
  expect(departedAt, 'its other token leaves the old connection before the new one is read').toBeLessThan(arrivedAt)
  expect(departed?.receivedTimeMs, 'and not before its book came there').toBeGreaterThanOrEqual(
    arrived?.receivedTimeMs ?? Infinity,
  )
  expect(arrived?.text).toContain('"event_type":"book"')
  const rest = await readOthers()
  expect(breaksOf(rest)).toEqual([])
  expect(markersOf(rest).map(({ type }) => type)).toEqual(others.map(() => 'subscribed'))
  expect(about(bench, websocketTexts(rest), others)).toEqual(about(bench, await bench.sentTexts(), others))
  expect(bench.stats.read()).toMatchObject({ tokensStalled: 1, tokensRehomed: 2 })
  expect(bench.feed.figures()).toMatchObject({ marketsSubscribed: 12, connectionsOpen: 2 })
})

test.concurrent('markets that stall one after the other share the newer connection, and the one they left is closed', async () => {
  const fast = { LIVENESS_EVERY_MS: '2000', TOKENS_PER_CONNECTION: '4' }
  await using bench = await openBench({ marketCount: 2, rate: 40 }, fast)
  await using _applied = openApplied(bench)
  await subscribe(bench)
  for (const marketId of bench.marketIds) {
    bench.emulator.mute(tokensOf(bench, marketId)[1] ?? '', true)
    await until('the stall is recorded', async () => (await gapsOf(bench, marketId)).length > 0, 30_000)
    await until('the market is subscribed again', () => bench.feed.figures().tokensSubscribed === 4)
  }
  await until('one connection is left', () => bench.feed.figures().connectionsOpen === 1)
  await until('the older one is closed', () => {
    const [older, newer, ...others] = bench.emulator.ledger().connections
    return older?.closedTimeMs !== undefined && newer?.tokenCount === 4 && others.length === 0
  })
})

test.concurrent('quiet markets raise no alarm over dozens of rounds, whatever REST says of the past', async () => {
  await using bench = await openBench({ marketCount: 6 }, { LIVENESS_EVERY_MS: '1000' })
  await using _applied = openApplied(bench)
  await subscribe(bench)
  bench.emulator.failRest({ stale: true, count: 40 })
  bench.emulator.step(200)
  await sleep(25_000)
  await until('dozens of polls', () => (bench.stats.read()['livenessPolls'] ?? 0) > 60)
  expect(bench.stats.read()['tokensStalled']).toBeUndefined()
  expect(markersOf(await bench.entries()).filter(({ type }) => type === 'gap')).toEqual([])
  expect(bench.emulator.ledger().connections.length).toBe(1)
})

test.concurrent('busy markets behind a normalizer that lags are not moved; a changed tick size is no stall', async () => {
  await using bench = await openBench({ marketCount: 6, rate: 100 }, { LIVENESS_EVERY_MS: '2000' })
  await using applied = openApplied(bench)
  await subscribe(bench)
  await sleep(1_000)
  applied.pause()
  await sleep(15_000)
  await until('the lag is seen', () => (bench.stats.read()['tokensLagging'] ?? 0) > 0)
  applied.resume()
  bench.emulator.pause()
  await sleep(1_000)
  bench.emulator.changeTickSize(tokensOf(bench, bench.marketIds[0] ?? '')[0] ?? '', '0.001')
  await sleep(12_000)
  expect(bench.stats.read()['tokensStalled']).toBeUndefined()
  expect(markersOf(await bench.entries()).filter(({ type }) => type === 'gap')).toEqual([])
})

test.concurrent('a connection on which nothing comes any more is replaced, not emptied market by market', async () => {
  await using bench = await openBench({ marketCount: 10, rate: 100 })
  await using _applied = openApplied(bench)
  await subscribe(bench)
  await sleep(1_000)
  const mutedTimeMs = Date.now()
  for (const marketId of bench.marketIds)
    for (const token of tokensOf(bench, marketId)) bench.emulator.mute(token, true)
  await until('a second connection', () => bench.emulator.ledger().connections.length === 2, 30_000)
  console.log(`a silent connection was found after ${Date.now() - mutedTimeMs} ms`)
  await until('all are subscribed', () => bench.feed.figures().tokensSubscribed === 20)
  await sleep(3_000)
  expect(bench.emulator.ledger().connections.length).toBe(2)
  expect(bench.stats.read()).toMatchObject({ connectionsReplaced: 1 })
  expect(bench.stats.read()['tokensRehomed']).toBeUndefined()
  for (const marketId of bench.marketIds)
    await until(`a gap of ${marketId}`, async () => (await gapsOf(bench, marketId)).length > 0)
})

test.concurrent('a stall is found although whole books are fetched for the market meanwhile', async () => {
  await using bench = await openBench({ marketCount: 4, rate: 40 })
  await using _applied = openApplied(bench)
  await subscribe(bench)
  await sleep(1_000)
  const [marketId = ''] = bench.marketIds
  bench.emulator.mute(tokensOf(bench, marketId)[0] ?? '', true)
  const fetching = setInterval(() => void bench.redis.publish(RESYNC_CHANNEL, marketId), 500)
  await until('the stall is recorded', async () => (await gapsOf(bench, marketId)).length > 0, 30_000).finally(() =>
    clearInterval(fetching),
  )
  const books = framesOf(await readStream(bench.redis, orderbookStream(marketId))).filter(({ kind }) => kind === 'rest')
  expect(books.length, 'whole books that were fetched').toBeGreaterThan(4)
})

test.concurrent('a stall is found within 30 s although REST answers 500, 429 and 425 meanwhile', async () => {
  await using bench = await openBench({ marketCount: 4, rate: 40 })
  await using _applied = openApplied(bench)
  await subscribe(bench)
  await sleep(1_000)
  const [marketId = ''] = bench.marketIds
  const mutedTimeMs = Date.now()
  bench.emulator.mute(tokensOf(bench, marketId)[0] ?? '', true)
  for (const status of [500, 429, 425]) {
    bench.emulator.failRest({ status, count: 2 })
    await sleep(3_000)
  }
  await until('the stall is recorded', async () => (await gapsOf(bench, marketId)).length > 0, 21_000)
  console.log(`a muted token was found after ${Date.now() - mutedTimeMs} ms while REST failed`)
  expect(bench.stats.read()['livenessFailures']).toBeGreaterThan(0)
})
