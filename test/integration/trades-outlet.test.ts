import type { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { TRADES_STREAM } from '../../src/domain/keys.ts'
import { createOutlet, toDataFrame } from '../../src/feed/trades/outlet.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { createAppender, createEpoch, type Appender } from '../../src/stream/append.ts'
import { openRedis } from '../support/services.ts'
import { framesOf, readStream, signing, until } from './feed-support.ts'

const never = new AbortController().signal

const openBench = async (
  wrap: (appender: Appender) => Appender['append'] = (appender) =>
    (...given) =>
      appender.append(...given),
) => {
  const server = await openRedis()
  const redis = server.connect()
  const appender = createAppender({ redis, signing, shardCount: 1 })
  const stats = createStats()
  const losses: number[] = []
  const outlet = createOutlet({
    appender: { ...appender, append: wrap(appender) },
    createEpoch,
    onLoss: () => void losses.push(Date.now()),
    log: createLog('feed', 'silent'),
    stats,
  })
  const put = (raws: string[], signal = never): Promise<void> =>
    outlet.put(
      raws.map((raw) => toDataFrame('data_trade', { raw, ordinal: 0 }, 1)),
      signal,
    )
  return {
    redis,
    stats,
    losses,
    put,
    [Symbol.asyncDispose]: async () => {
      redis.disconnect()
      await server[Symbol.asyncDispose]()
    },
  }
}

const rawsIn = async (redis: Redis): Promise<string[]> =>
  framesOf(await readStream(redis, TRADES_STREAM)).map(({ text }) => /"raw":(.*)}$/.exec(text)?.[1] ?? '')

test('what Redis has lost is noticed by the next put, which is in the stream all the same', async () => {
  await using bench = await openBench()
  await bench.put(['1', '2'])
  await bench.put(['3'])
  expect(bench.losses).toEqual([])
  await bench.redis.flushall()
  await bench.put(['4'])
  expect(bench.losses).toHaveLength(1)
  await bench.put(['5'])
  expect(bench.losses).toHaveLength(1)
  expect(await rawsIn(bench.redis)).toEqual(['4', '5'])
  expect(bench.stats.read()).toEqual({ dataAppendsFailed: 1, dataStreamLosses: 1 })
})

test('an entry that Redis refuses is tried until it is in the stream', async () => {
  await using bench = await openBench()
  await bench.redis.set(TRADES_STREAM, 'of another type')
  const putting = bench.put(['1', '2'])
  await until('it was refused twice', () => (bench.stats.read()['dataAppendsFailed'] ?? 0) >= 2)
  await bench.redis.del(TRADES_STREAM)
  await putting
  await bench.put(['3'])
  expect(await rawsIn(bench.redis)).toEqual(['1', '2', '3'])
  expect(bench.losses).toEqual([])
})

test('an entry whose answer was lost is in the stream once; what was given up may be, and never as another', async () => {
  const given = new AbortController()
  let calls = 0
  await using bench = await openBench((appender) => async (...entries) => {
    const appended = await appender.append(...entries)
    calls++
    if (calls === 3) given.abort(new Error('given up'))
    if (calls === 1 || calls === 3) throw new Error('timeout')
    return appended
  })
  await bench.put(['1', '2'])
  await expect(bench.put(['3'], given.signal)).rejects.toThrow()
  await bench.put(['4', '5'])
  expect(await rawsIn(bench.redis)).toEqual(['1', '2', '3', '4', '5'])
})
