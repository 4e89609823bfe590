import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { orderbookStream } from '../../src/domain/keys.ts'
import type { StreamEntry } from '../../src/domain/frame.ts'
import {
  depthsOf,
  framesOf,
  markersOf,
  openBench,
  readStream,
  until,
  websocketTexts,
  type Bench,
} from './feed-support.ts'

const streamOf = (bench: Bench, marketId: string): Promise<StreamEntry[]> =>
  readStream(bench.redis, orderbookStream(marketId))
const levelsOf = (entries: StreamEntry[]): number[] => depthsOf(entries).map(({ levels }) => levels)

test('each connection says before its first frame how many levels are kept, and once more when it is another number', async () => {
  await using bench = await openBench({ marketCount: 3 })
  const [one = '', other = ''] = bench.marketIds
  await bench.desire(bench.marketIds, 'active', 5)
  await bench.confirmed(bench.marketIds, 'active')
  await bench.desire([one], 'active', 2)
  await until('the new depth is said', async () => levelsOf(await streamOf(bench, one)).at(-1) === 2)
  await bench.desire([one], 'active', 2)
  await bench.confirmed([one], 'active')
  expect(levelsOf(await streamOf(bench, one))).toEqual([5, 2])
  bench.emulator.close({ connection: undefined, abrupt: true })
  await until('another connection', async () => depthsOf(await streamOf(bench, one)).length === 3)
  const entries = await streamOf(bench, one)
  expect(levelsOf(entries)).toEqual([5, 2, 2])
  const epochs = [...new Set(entries.map(({ epoch }) => epoch))]
  expect(epochs).toHaveLength(2)
  for (const epoch of epochs) {
    const first = framesOf(entries).find((frame) => frame.epoch === epoch)
    expect(JSON.parse(first?.text ?? '{}')).toMatchObject({ type: 'depth' })
  }
  expect(new Set(levelsOf(await streamOf(bench, other)))).toEqual(new Set([5]))
})

test('a market that is paused is told another depth in its stream, without a socket too', async () => {
  await using bench = await openBench({ marketCount: 2 })
  const [one = ''] = bench.marketIds
  await bench.desire([one], 'paused', 4)
  await bench.confirmed([one], 'paused')
  expect(levelsOf(await streamOf(bench, one))).toEqual([4])
  await bench.desire([one], 'paused', 1)
  await bench.confirmed([one], 'paused')
  expect(levelsOf(await streamOf(bench, one))).toEqual([4, 1])
  expect(bench.emulator.ledger().connections).toEqual([])
})

test('where Redis lost what was said, it is said again', async () => {
  await using bench = await openBench({ marketCount: 2 })
  await bench.desire(bench.marketIds, 'active', 3)
  await bench.confirmed(bench.marketIds, 'active')
  // Longer than the feed keeps what it appended.
  await sleep(3_500)
  bench.emulator.step(50)
  await until('what was sent is appended', async () => {
    const sent = await bench.sentTexts()
    return websocketTexts(await bench.entries()).length >= sent.length
  })
  await sleep(300)
  await bench.redis.flushall()
  bench.emulator.step(50)
  for (const marketId of bench.marketIds) {
    await until('the depth is said after the loss', async () => {
      const entries = await streamOf(bench, marketId)
      return markersOf(entries).some(({ type }) => type === 'gap') && levelsOf(entries).at(-1) === 3
    })
  }
})
