import { expect, test } from 'vitest'
import { createShowing } from '../../src/activities/normalizer-showing.ts'
import type { Views } from '../../src/activities/normalizer-views.ts'
import { createLatencies } from '../../src/normalizer/latency.ts'
import type { MarketTape } from '../../src/normalizer/market-tape.ts'

const tapeOf = (name: string): MarketTape => ({ name }) as unknown as MarketTape
const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

/** Views whose writes wait until they are let go. */
const openShowing = () => {
  const writes: { tapes: MarketTape[]; done: () => void; fail: (error: Error) => void }[] = []
  const show = (tapes: Iterable<MarketTape>): Promise<void> =>
    new Promise((resolve, reject) => void writes.push({ tapes: [...tapes], done: resolve, fail: reject }))
  const latencies = createLatencies()
  const views = { show, isWritten: () => true } as unknown as Views
  return { writes, latencies, showing: createShowing({ views, latencies }) }
}

const applied = (...times: number[]) => ({ times, readTimeMs: 0, appliedTimeMs: 0 })

test('one write is on its way at a time, and the next shows all that was applied meanwhile, each market once', async () => {
  const { writes, showing } = openShowing()
  const [first, second] = [tapeOf('a'), tapeOf('b')]
  showing.add([first], applied())
  showing.add([first, second], applied())
  showing.add([second], applied())
  expect(writes.map(({ tapes }) => tapes)).toEqual([[first]])
  writes[0]?.done()
  await nextTurn()
  expect(writes.map(({ tapes }) => tapes)).toEqual([[first], [first, second]])
})

test('a market that waits for its write is not yet seen by readers', async () => {
  const { writes, showing } = openShowing()
  const [first, second] = [tapeOf('a'), tapeOf('b')]
  showing.add([first], applied())
  showing.add([second], applied())
  expect(showing.isWritten(second)).toBe(false)
  writes[0]?.done()
  await nextTurn()
  expect(showing.isWritten(second)).toBe(true)
})

test('a frame counts from its venue time to the end of the write that shows it', async () => {
  const { writes, showing, latencies } = openShowing()
  const nowMs = Date.now()
  showing.add([tapeOf('a')], applied(nowMs - 400, nowMs - 100))
  writes[0]?.done()
  await nextTurn()
  expect(latencies.cache.counts.reduce((sum, count) => sum + count, 0)).toBe(1)
  expect(latencies.receive.percentile(50)).toBe(300)
})

test('what ends the writes is told, and nothing is written afterwards', async () => {
  const { writes, showing } = openShowing()
  showing.add([tapeOf('a')], applied())
  writes[0]?.fail(new Error('a newer owner'))
  await nextTurn()
  expect(showing.failure).toEqual(new Error('a newer owner'))
  showing.add([tapeOf('b')], applied())
  await nextTurn()
  expect(writes).toHaveLength(1)
})

test('what changed no market leaves nothing behind that would wait for a write', async () => {
  const { writes, showing, latencies } = openShowing()
  showing.add([], applied(1, 2))
  showing.add([tapeOf('a')], applied())
  writes[0]?.done()
  await nextTurn()
  expect(latencies.cache.percentile(50)).toBeUndefined()
})
