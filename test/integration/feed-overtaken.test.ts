import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createShared, openFeedGroup } from '../../src/activities/feed-group.ts'
import { orderbookStream, RESYNC_CHANNEL } from '../../src/domain/keys.ts'
import { openApplied } from './feed-applied.ts'
import { framesOf, openBench, readStream, subscribe, until, type Bench } from './feed-support.ts'

const newestEpoch = async (bench: Bench, marketId: string): Promise<string> => {
  const entries = await readStream(bench.redis, orderbookStream(marketId))
  return entries.reduce((newest, { epoch }) => (epoch > newest ? epoch : newest), '')
}

const untilNewer = (what: string, bench: Bench, than: string): Promise<void> =>
  until(what, async () => {
    const newest = await Promise.all(bench.marketIds.map((marketId) => newestEpoch(bench, marketId)))
    return newest.every((epoch) => epoch > than)
  })

/** Opens a socket that is newer than that of the feed, as one does that stood still and does not know yet that it is lost. */
const overtake = async (bench: Bench) => {
  const before = await newestEpoch(bench, bench.marketIds[0] ?? '')
  const lost = openFeedGroup({ ...bench.deps, ...createShared(bench.deps), group: 0 })
  await untilNewer('the lost feed writes into every stream', bench, before)
  return lost
}

test('a feed whose streams a lost one has left with a newer epoch opens a socket that is newer still', async () => {
  await using bench = await openBench({ marketCount: 4, rate: 40 }, { LIVENESS_EVERY_MS: '2000' })
  await using _applied = openApplied(bench)
  await subscribe(bench)
  const lost = await overtake(bench)
  await lost.close('its activity was lost')
  const left = await newestEpoch(bench, bench.marketIds[0] ?? '')
  await untilNewer('every market goes on under a newer epoch', bench, left)
  const isApplied = (): boolean =>
    !bench.feed.heartbeats('0:a').some(([, { trouble }]) => trouble?.reason === 'not_applied')
  await until('what comes is applied again', isApplied)
  const [marketId = ''] = bench.marketIds
  const frames = framesOf(await readStream(bench.redis, orderbookStream(marketId)))
  const newer = frames.filter(({ epoch, kind }) => epoch > left && kind === 'websocket')
  expect(newer[0]?.text).toContain('"event_type":"book"')
  expect(bench.stats.read()['connectionsReplaced'], 'one socket, not one after the other').toBe(1)
})

test('so does one of whose markets nothing comes, when their books are asked for again and again', async () => {
  await using bench = await openBench({ marketCount: 2 })
  await using _applied = openApplied(bench)
  await subscribe(bench)
  const lost = await overtake(bench)
  await lost.close('its activity was lost')
  const [marketId = ''] = bench.marketIds
  const left = await newestEpoch(bench, marketId)
  await until('it goes on under a newer epoch', async () => {
    await bench.redis.publish(RESYNC_CHANNEL, marketId)
    await sleep(500)
    return (await newestEpoch(bench, marketId)) > left
  })
})

test('a feed whose books are not applied by anybody keeps its socket', async () => {
  await using bench = await openBench({ marketCount: 4, rate: 40 }, { LIVENESS_EVERY_MS: '2000' })
  await using applied = openApplied(bench)
  await subscribe(bench)
  const before = await newestEpoch(bench, bench.marketIds[0] ?? '')
  await until('something is applied', async () => (await bench.redis.hlen(`quote:${bench.marketIds[0]}`)) > 0)
  applied.pause()
  await sleep(1_000)
  bench.emulator.pause()
  const lags = (): boolean =>
    bench.feed.heartbeats('0:a').some(([, { trouble }]) => trouble?.reason === 'not_applied' && trouble.forMs > 14_000)
  await until('the feed says that what came is not applied', lags)
  expect(await newestEpoch(bench, bench.marketIds[0] ?? '')).toBe(before)
  expect(bench.stats.read()['connectionsReplaced'] ?? 0).toBe(0)
})
