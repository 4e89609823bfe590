import { expect, test } from 'vitest'
import { orderbookStream } from '../../src/domain/keys.ts'
import { EMULATOR_DEFAULTS } from '../../src/emulator/emulator.ts'
import { framesOf, openBench, readStream, until, type Bench } from './feed-support.ts'

const tokensOf = ({ emulator }: Bench, marketIds: string[]): string[] =>
  marketIds.flatMap((marketId) => emulator.catalogue.byKey({ marketId })?.tokens.map(({ token }) => token) ?? [])

/** What the venue believes that we hear, over all open connections, sorted. */
const heardOf = ({ emulator }: Bench): string[] =>
  emulator
    .ledger()
    .connections.filter(({ closedTimeMs }) => closedTimeMs === undefined)
    .flatMap(({ subscribed }) => subscribed)
    .toSorted()

test('after hundreds of pauses, resumes, stops and returns nothing differs, and the venue sends what is desired alone', async () => {
  await using bench = await openBench({ marketCount: 30, rate: 200 }, { TOKENS_PER_CONNECTION: '20' })
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  for (let round = 0; round < 20; round++) {
    const some = bench.marketIds.filter((_, at) => (at * 7 + round * 5) % 3 === 0)
    await bench.desire(some, round % 4 === 3 ? 'stopped' : 'paused')
    if (round % 5 === 0) await bench.confirmed(some, round % 4 === 3 ? 'stopped' : 'paused')
    await bench.desire(some, 'active')
    if (round % 5 === 0) await bench.confirmed(some, 'active')
  }
  const [gone, held] = [bench.marketIds.slice(0, 10), bench.marketIds.slice(10)]
  await bench.desire(gone, 'stopped')
  await bench.confirmed(gone, 'stopped')
  await until('the venue sends what is desired', () => heardOf(bench).length === held.length * 2)
  // Their books may still be on their way, and are owed only half a minute after the subscribe, which is looked at below.
  await bench.desire(held, 'active')
  await bench.confirmed(held, 'active')
  expect(heardOf(bench)).toEqual(tokensOf(bench, held).toSorted())
  expect(bench.feed.compareSubscriptions(Date.now() + 60_000)).toBe(0)
  expect(bench.stats.read()['subscriptionsRepaired'] ?? 0).toBe(0)
})

test('a token that the venue still sends though it was unsubscribed is unsubscribed again, and counted', async () => {
  await using bench = await openBench({ marketCount: 2 })
  const [kept = '', left = ''] = bench.marketIds
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  const [token = ''] = tokensOf(bench, [left])
  await bench.desire([left], 'paused')
  await bench.confirmed([left], 'paused')
  expect(bench.feed.compareSubscriptions()).toBe(0)
  const unsubscribes = (): number =>
    bench.emulator.ledger().connections.flatMap(({ received }) => received.filter(({ type }) => type === 'unsubscribe'))
      .length
  const before = unsubscribes()
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  const { conditionId } = bench.emulator.catalogue.byKey({ marketId: left }) ?? { conditionId: '' }
  const levels = { bids: [], asks: [], hash: 'x', last_trade_price: '0.5', tick_size: '0.01' }
  const timestamp = String(Date.now())
  const book = { market: conditionId, asset_id: token, timestamp, ...levels, event_type: 'book' }
  bench.emulator.send(JSON.stringify([book]))
  await until('it came', () => bench.stats.read()['framesUnasked'] === 1)
  expect(bench.feed.compareSubscriptions()).toBe(1)
  await until('it was unsubscribed again', () => unsubscribes() === before + 1)
  expect(bench.stats.read()).toMatchObject({ subscriptionsRepaired: 1 })
  expect(bench.feed.compareSubscriptions()).toBe(0)
  expect(heardOf(bench)).toEqual(tokensOf(bench, [kept]).toSorted())
  const textsOf = async () => framesOf(await readStream(bench.redis, orderbookStream(left))).map(({ text }) => text)
  expect((await textsOf()).at(-1), 'a book would end the gap of the pause').toContain('unsubscribed')
  await bench.desire([left], 'active')
  await bench.confirmed([left], 'active')
  expect((await textsOf()).join('\n'), 'what came meanwhile says which REST books are older').toContain(
    `"newest":{"${token}":${timestamp}}`,
  )
  const count = (await textsOf()).length
  bench.emulator.step(100)
  await until('its frames are recorded again', async () => (await textsOf()).length > count)
  expect(bench.stats.read()).toMatchObject({ framesUnasked: 1 })
})

test('a token of which nothing ever came is subscribed again after half a minute', async () => {
  await using bench = await openBench({ ...EMULATOR_DEFAULTS, rate: 0, marketCount: 2 })
  const [first = '', second = ''] = bench.marketIds
  const silent = tokensOf(bench, [second])
  bench.emulator.withholdSnapshots({ tokens: silent, count: 1 })
  bench.emulator.failRest({ tokens: silent, count: 1_000, status: 404 })
  await bench.desire([first, second], 'active')
  await bench.confirmed([first, second], 'active')
  expect(bench.feed.compareSubscriptions()).toBe(0)
  expect(bench.feed.compareSubscriptions(Date.now() + 31_000)).toBe(2)
  await until('it was subscribed again', () => {
    const received = bench.emulator.ledger().connections.flatMap((one) => one.received)
    return received.map(({ type }) => type).join(' ') === 'subscribe unsubscribe subscribe'
  })
  expect(heardOf(bench)).toEqual(tokensOf(bench, [first, second]).toSorted())
})
