import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openEmulator, type Emulator } from '../../src/emulator/emulator.ts'
import { createReceiver, openClient, type Rules } from './emulator-receiver.ts'

const rulesOf =
  (emulator: Emulator): Rules =>
  (token) => {
    const market = emulator.catalogue.token(token)?.market
    return { tickSize: market?.tickSize ?? '', negRisk: market?.negRisk ?? false, version: market?.version }
  }

const openTokens = (emulator: Emulator): string[] =>
  emulator.catalogue.markets.filter((one) => !one.closed).flatMap((one) => one.tokens.map(({ token }) => token))

/** Clock of the test's own: a millisecond every few actions, so that batches share milliseconds. */
const manualClock = () => {
  let timeMs = 1_800_000_000_000
  return { now: () => timeMs, advance: (byMs: number) => void (timeMs += byMs) }
}

const run = async (emulator: Emulator, clock: ReturnType<typeof manualClock>, actions: number): Promise<void> => {
  for (let at = 0; at < actions; at++) {
    emulator.step(1)
    emulator.settle()
    if (at % 3 === 0) clock.advance(1)
    if (at % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  clock.advance(1_000)
  emulator.settle()
}

test('every batch and every book proves itself by its hash, and the rows are those of the ledger', async () => {
  const clock = manualClock()
  await using emulator = await openEmulator({ marketCount: 12, rate: 0, seed: 7, now: clock.now })
  using client = await openClient(emulator.urls.ws)
  const tokens = openTokens(emulator)
  await client.subscribe(tokens, { custom_feature_enabled: true })
  await run(emulator, clock, 3_000)
  await client.settle()
  const receiver = createReceiver(rulesOf(emulator))
  for (const text of client.texts) receiver.take(text)
  receiver.finish()
  expect(receiver.found.failed).toEqual([])
  expect(receiver.found.verified).toBeGreaterThan(5_000)
  expect(receiver.found.trades.length).toBeGreaterThan(50)
  const ledger = emulator.ledger()
  expect(receiver.found.trades.map((one) => one['transaction_hash'])).toEqual(
    ledger.trades.map((one) => one.transactionHash),
  )
  const hashes = ledger.trades.map((one) => one.transactionHash)
  expect(new Set(hashes).size).toBeLessThan(hashes.length)
  for (const entry of ledger.tokens.filter((one) => tokens.includes(one.token))) {
    const book = receiver.books.get(entry.token)
    expect(entry.expectedRows).toBe(book?.rows)
    expect(new Map(entry.bids)).toEqual(book?.bids)
    expect(new Map(entry.asks)).toEqual(book?.asks)
    expect(entry.lastTradePrice).toBe(book?.lastTrade)
  }
  expect(ledger.tokens.some((one) => one.sent.unchanged > 0)).toBe(true)
})

test('books stay two-sided, uncrossed and near their size, whatever the seed and size', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 4, max: 40 }), async (seed, levelCount) => {
      const clock = manualClock()
      await using emulator = await openEmulator({ marketCount: 4, rate: 0, seed, levelCount, now: clock.now })
      using client = await openClient(emulator.urls.ws)
      await client.subscribe(openTokens(emulator))
      await run(emulator, clock, 1_500)
      for (const market of emulator.catalogue.markets) {
        const [first, second] = market.tokens
        const { bid, ask } = first!.book.best()
        expect(bid!.price).toBeLessThan(ask!.price)
        expect(first!.book.bids.count).toBeLessThanOrEqual(levelCount + 8)
        expect(first!.book.bids.count).toBe(second!.book.asks.count)
        expect(bid!.price + second!.book.best().ask!.price).toBe(1_000_000)
      }
    }),
    { numRuns: 8 },
  )
})

test('the same seed gives the same bytes, another seed others', async () => {
  const texts = async (seed: number): Promise<string[]> => {
    const clock = manualClock()
    await using emulator = await openEmulator({ marketCount: 6, rate: 0, seed, now: clock.now })
    using client = await openClient(emulator.urls.ws)
    await client.subscribe(openTokens(emulator))
    await run(emulator, clock, 500)
    await client.settle()
    return client.texts
  }
  const first = await texts(3)
  expect(first.length).toBeGreaterThan(500)
  expect(await texts(3)).toEqual(first)
  expect(await texts(4)).not.toEqual(first)
})

test('price changes are monotone in time while other events run a few ms out of order', async () => {
  const clock = manualClock()
  await using emulator = await openEmulator({ marketCount: 2, rate: 0, seed: 5, tradeShare: 0.1, now: clock.now })
  using client = await openClient(emulator.urls.ws)
  await client.subscribe(openTokens(emulator), { custom_feature_enabled: true })
  await run(emulator, clock, 2_000)
  await client.settle()
  const messages = client.texts
    .filter((text) => text.startsWith('{'))
    .map((text) => JSON.parse(text) as Record<string, string>)
  for (const { marketId } of emulator.ledger().tokens) {
    const condition = emulator.catalogue.byKey({ marketId })?.conditionId
    const engine = messages.filter(
      (one) => one['market'] === condition && ['price_change', 'book'].includes(one['event_type'] ?? ''),
    )
    const times = engine.map((one) => Number(one['timestamp']))
    expect(times).toEqual(times.toSorted((left, right) => left - right))
  }
  const all = messages.map((one) => Number(one['timestamp']))
  const backwards = all.map((time, at) => (all[at - 1] ?? 0) - time).filter((byMs) => byMs > 0)
  expect(backwards.length).toBeGreaterThan(10)
  expect(Math.max(...backwards)).toBeLessThanOrEqual(9)
})
