import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { orderbookStream, RESYNC_CHANNEL } from '../../src/domain/keys.ts'
import { framesOf, markersOf, openBench, readStream, until } from './feed-support.ts'

test('a pause and a stop are said in the stream also when no socket is open, once', async () => {
  await using bench = await openBench({ marketCount: 2 })
  const [paused = '', stopped = ''] = bench.marketIds
  await bench.desire([paused], 'paused')
  await bench.confirmed([paused], 'paused')
  await bench.desire([stopped], 'stopped')
  await bench.confirmed([stopped], 'stopped')
  const reasons = async (marketId: string): Promise<string[]> =>
    markersOf(await readStream(bench.redis, orderbookStream(marketId))).map((marker) =>
      marker.type === 'gap' ? marker.reason : marker.type,
    )
  expect(await reasons(paused)).toEqual(['paused'])
  expect(await reasons(stopped)).toEqual(['stopped'])
  expect(bench.emulator.ledger().connections).toEqual([])
  await bench.desire([paused], 'stopped')
  await bench.confirmed([paused], 'stopped')
  expect(await reasons(paused)).toEqual(['paused', 'stopped'])
})

test('a REST book that was asked for before a pause does not follow it into the stream', async () => {
  await using bench = await openBench({ marketCount: 2 })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  const [one = ''] = bench.marketIds
  for (let round = 0; round < 10; round++) {
    await bench.redis.publish(RESYNC_CHANNEL, one)
    await sleep(30)
  }
  await bench.desire([one], 'paused')
  await bench.confirmed([one], 'paused')
  await until('the pause stands at the end of the stream', async () => {
    const frames = framesOf(await readStream(bench.redis, orderbookStream(one)))
    return frames.at(-1)?.kind === 'marker'
  })
  await sleep(500)
  expect(framesOf(await readStream(bench.redis, orderbookStream(one))).at(-1)?.kind).toBe('marker')
})
