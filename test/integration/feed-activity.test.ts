import { setTimeout as sleep } from 'node:timers/promises'
import { ActivityCancellationDetails } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import { expect, test } from 'vitest'
import { createFeedActivities } from '../../src/activities/feed.ts'
import { breaksOf, markersOf, openBench, until, websocketTexts, type Bench } from './feed-support.ts'

const start = async (bench: Bench) => {
  await bench.feed.close('the activity runs its own')
  const { runFeed } = createFeedActivities(bench.deps)
  const attempt = () => {
    const environment = new MockActivityEnvironment()
    const beats: number[] = []
    environment.on('heartbeat', () => beats.push(Date.now()))
    const done = environment.run(runFeed, { group: 0, replica: 'a' })
    done.catch(() => undefined)
    return { environment, beats, done }
  }
  await bench.desire(bench.marketIds, 'active')
  return attempt
}

test('a cancelled feed returns after its last frame and the marks of its end are in the streams', async () => {
  await using bench = await openBench({ marketCount: 5, rate: 500 })
  const { environment, beats, done } = (await start(bench))()
  await bench.confirmed(bench.marketIds, 'active')
  await until('two heartbeats and figures', () => beats.length >= 2 && bench.stats.read()['marketsSubscribed'] === 5)
  environment.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }))
  expect(await done).toEqual({ group: 0 })
  const entries = await bench.entries()
  expect(breaksOf(entries)).toEqual([])
  expect(markersOf(entries).filter((marker) => marker.type === 'gap' && marker.reason === 'feed_restart').length).toBe(
    5,
  )
  expect(bench.stats.read()).toMatchObject({ connectionsOpen: 0, bufferedBytes: 0 })
})

test('a stopping worker flushes and throws, so that the feed runs elsewhere', async () => {
  await using bench = await openBench({ marketCount: 2 })
  const { environment, done } = (await start(bench))()
  await bench.confirmed(bench.marketIds, 'active')
  environment.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }))
  await expect(done).rejects.toThrow()
  expect(markersOf(await bench.entries()).filter(({ type }) => type === 'gap').length).toBe(2)
})

test('without Redis there is no heartbeat; the next attempt takes over the open sockets and loses nothing', async () => {
  await using bench = await openBench({ marketCount: 5, rate: 300 })
  const attempt = await start(bench)
  const first = attempt()
  await bench.confirmed(bench.marketIds, 'active')
  await until('a heartbeat', () => first.beats.length > 0)
  await bench.server.kill()
  // One may have been on its way.
  await sleep(2_500)
  const beatCount = first.beats.length
  first.environment.cancel('TIMED_OUT', new ActivityCancellationDetails({ timedOut: true }))
  await expect(first.done).rejects.toThrow()
  const second = attempt()
  await sleep(1_000)
  expect([first.beats.length, second.beats.length]).toEqual([beatCount, 0])
  await bench.server.start()
  await until('heartbeats', () => second.beats.length > 0)
  bench.emulator.pause()
  // A trade is told up to 100 ms late, also after the pause.
  await sleep(200)
  await until(
    'every sent frame is in the streams',
    async () => websocketTexts(await bench.entries()).length >= (await bench.sentTexts()).length,
  )
  const sent = await bench.sentTexts()
  const entries = await bench.entries()
  expect(websocketTexts(entries)).toEqual(sent)
  expect(breaksOf(entries)).toEqual([])
  expect(bench.emulator.ledger().connections.filter(({ framesSent }) => framesSent > 0).length).toBe(1)
  second.environment.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }))
  await second.done
})
