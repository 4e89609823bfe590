import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { orderbookStream } from '../../src/domain/keys.ts'
import { framesOf, openBench, readStream, until, type Bench } from './feed-support.ts'

/** Readers ignore an epoch that is older than the newest they know of: what comes last must be the newest. */
const newestIsLast = async (bench: Bench, marketId: string): Promise<boolean> => {
  const epochs = framesOf(await readStream(bench.redis, orderbookStream(marketId))).map(({ epoch }) => epoch)
  return epochs.length > 0 && epochs.toSorted().at(-1) === epochs.at(-1)
}

test('a market that was paused from the start is resumed on a connection that its reader listens to', async () => {
  await using bench = await openBench({ marketCount: 3 })
  const [one = '', two = '', late = ''] = bench.marketIds
  await bench.desire([one, two], 'active')
  await bench.confirmed([one, two], 'active')
  await bench.desire([late], 'paused')
  await bench.confirmed([late], 'paused')
  await bench.desire([late], 'active')
  await bench.confirmed([late], 'active')
  bench.emulator.step(100)
  await until('books came', async () => framesOf(await readStream(bench.redis, orderbookStream(late))).length > 3)
  expect(await newestIsLast(bench, late)).toBe(true)
})

test('a market that left and comes back never joins a connection that is older than its stream', async () => {
  await using bench = await openBench({ marketCount: 4 }, { TOKENS_PER_CONNECTION: '4' })
  const [a = '', b = '', c = '', d = ''] = bench.marketIds
  await bench.desire([a, b], 'active')
  await bench.confirmed([a, b], 'active')
  await bench.desire([c, d], 'active')
  await bench.confirmed([c, d], 'active')
  for (const marketId of [a, c]) {
    await bench.desire([marketId], 'stopped')
    await bench.confirmed([marketId], 'stopped')
    await bench.redis.hdel('desired:0', marketId)
  }
  await bench.redis.publish('desired', '0')
  await sleep(500)
  // The older connection has room, the stream of c knows a newer one.
  await bench.desire([c], 'active')
  await bench.confirmed([c], 'active')
  bench.emulator.step(100)
  await until('frames come', async () => framesOf(await readStream(bench.redis, orderbookStream(c))).length > 12)
  expect(await newestIsLast(bench, c)).toBe(true)
})
