import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { orderbookStream, RESYNC_CHANNEL } from '../../src/domain/keys.ts'
import { framesOf, markersOf, openBench, readStream, subscribe, until, type Bench } from './feed-support.ts'

const reasonsOf = async (bench: Bench): Promise<string[]> =>
  markersOf(await bench.entries()).flatMap((marker) => (marker.type === 'gap' ? [marker.reason] : []))

const restCount = async (bench: Bench, marketId: string): Promise<number> =>
  framesOf(await readStream(bench.redis, orderbookStream(marketId))).filter(({ kind }) => kind === 'rest').length

/** The venue is away for so long. */
const RESTART_MS = 12_000

test.concurrent('sockets that the venue closes as it restarts leave gaps that say so, and come back unhurried', async () => {
  // The answer may be late where the machine stands still for a moment.
  const patient = { restartQuestionMs: RESTART_MS / 2 }
  await using bench = await openBench({ marketCount: 3 }, { TOKENS_PER_CONNECTION: '2' }, patient)
  await subscribe(bench)
  const closedTimeMs = Date.now()
  bench.emulator.restart(RESTART_MS)
  await until('gaps are recorded', async () => (await reasonsOf(bench)).length === 3)
  expect(Date.now() - closedTimeMs, 'while the venue is away').toBeLessThan(RESTART_MS)
  expect(await reasonsOf(bench)).toEqual(['venue_restart', 'venue_restart', 'venue_restart'])
  await until('all are subscribed', () => bench.feed.figures().tokensSubscribed === 6, 60_000)
  console.log(`subscribed ${Date.now() - closedTimeMs - RESTART_MS} ms after the restart`)
  expect(bench.stats.read()['reconnects']).toBeLessThanOrEqual(3 * 8)
  expect((await reasonsOf(bench)).length).toBe(3)
})

test('a socket that ends while REST answers books is a plain disconnect, also soon after a restart', async () => {
  await using bench = await openBench({ marketCount: 1 })
  await subscribe(bench)
  bench.emulator.failRest({ status: 425, count: 1 })
  await bench.redis.publish(RESYNC_CHANNEL, bench.marketIds[0] ?? '')
  await until('books came by REST', async () => (await restCount(bench, bench.marketIds[0] ?? '')) === 2)
  bench.emulator.close({ connection: undefined, abrupt: true })
  await until('a gap is recorded', async () => (await reasonsOf(bench)).length === 1)
  expect(await reasonsOf(bench)).toEqual(['disconnect'])
})

test.concurrent.each([
  { status: 425, count: 7 },
  { status: 429, count: 7 },
  { status: 500, count: 12 },
])('a resync comes through although REST answers $status $count times', async (fault) => {
  await using bench = await openBench({ marketCount: 2 }, { LIVENESS_EVERY_MS: '600000' })
  await subscribe(bench)
  const [marketId = ''] = bench.marketIds
  bench.emulator.failRest(fault)
  const startedTimeMs = Date.now()
  await bench.redis.publish(RESYNC_CHANNEL, marketId)
  await until('books came by REST', async () => (await restCount(bench, marketId)) === 2, 60_000)
  console.log(`a resync took ${Date.now() - startedTimeMs} ms with ${fault.count} answers ${fault.status}`)
})

test('what is announced as confirmed is what was written, though the desire moves on meanwhile', async () => {
  await using bench = await openBench({ marketCount: 1 })
  const written: string[] = []
  const announced: string[] = []
  const listener = bench.connect()
  await listener.subscribe('confirmed')
  listener.on('message', (_, message: string) => announced.push(message))
  const hset = bench.redis.hset.bind(bench.redis)
  Object.assign(bench.redis, {
    hset: async (key: string, fields: Record<string, string>) => {
      if (key.startsWith('confirmed:')) {
        for (const [marketId, text] of Object.entries(fields))
          written.push(`${marketId} ${JSON.parse(text).generation}`)
        await sleep(700)
      }
      return hset(key, fields)
    },
  })
  await bench.desire(bench.marketIds, 'active')
  await sleep(300)
  await bench.desire(bench.marketIds, 'paused')
  await sleep(300)
  await bench.desire(bench.marketIds, 'active')
  await until('the last is announced', () => announced.includes(`${bench.marketIds[0] ?? ''} 3`))
  expect(announced.every((message) => written.includes(message))).toBe(true)
  expect(announced).toEqual(written)
})
