import { expect, test } from 'vitest'
import { openEmulator, type Emulator } from '../../src/emulator/emulator.ts'
import { openClient, until } from './emulator-receiver.ts'

const tokensOf = (emulator: Emulator): string[] =>
  emulator.catalogue.markets.flatMap((market) => market.tokens.map(({ token }) => token))

const post = async (emulator: Emulator, path: string, body: unknown = {}): Promise<unknown> => {
  const response = await fetch(`${emulator.urls.control}/${path}`, { method: 'POST', body: JSON.stringify(body) })
  expect(response.status).toBe(200)
  return await response.json()
}

const HEX = '[0-9a-f]'
const LEVEL = String.raw`\{"price":"[\d.]+","size":"[\d.]+"\}`
const LEVELS = `(${LEVEL}(,${LEVEL})*)?`
const SNAPSHOT =
  String.raw`\{"market":"0x${HEX}{64}","asset_id":"\d{77}","timestamp":"\d{13}","hash":"${HEX}{40}",` +
  String.raw`"bids":\[${LEVELS}\],"asks":\[${LEVELS}\],"tick_size":"0\.0?01","event_type":"book",` +
  String.raw`"last_trade_price":"(\d\.\d{3})?"(,"version":"v2")?\}`
const ELEMENT =
  String.raw`\{"asset_id":"\d{77}", "price":"[\d.]+", "size":"[\d.]+", "side":"(BUY|SELL)", ` +
  String.raw`"hash":"${HEX}{40}", "best_bid":"[\d.]+", "best_ask":"[\d.]+"\}`
const PRICE_CHANGE =
  String.raw`\{"market":"0x${HEX}{64}", "price_changes":\[${ELEMENT}(, ${ELEMENT})?\], ` +
  String.raw`"timestamp":"\d{13}", "event_type":"price_change"\}`
const SPACED = LEVELS.replaceAll(',"size', ', "size').replace('(,', '(, ')
const BOOK =
  String.raw`\{"market":"0x${HEX}{64}", "asset_id":"\d{77}", "bids":\[${SPACED}\], "asks":\[${SPACED}\], ` +
  String.raw`"hash":"${HEX}{40}", "timestamp":"\d{13}", "event_type":"book"\}`
const TRADE =
  String.raw`\{"market":"0x${HEX}{64}", "asset_id":"\d{77}", "price":"[\d.]+", "size":"[\d.]+", "fee_rate_bps":"0", ` +
  String.raw`"side":"(BUY|SELL)", "timestamp":"\d{13}", "event_type":"last_trade_price", "transaction_hash":"0x${HEX}{64}"\}`
const QUOTE =
  String.raw`\{"market":"0x${HEX}{64}", "asset_id":"\d{77}", "best_bid":"[\d.]+", "best_ask":"[\d.]+", ` +
  String.raw`"spread":"[\d.]+", "timestamp":"\d{13}", "event_type":"best_bid_ask"\}`

test('the first frame is one compact array with a line feed, later frames are single objects with spaces', async () => {
  await using emulator = await openEmulator({ marketCount: 10, rate: 0, tradeShare: 0.1 })
  using client = await openClient(emulator.urls.ws)
  await client.subscribe(tokensOf(emulator), { custom_feature_enabled: true })
  emulator.step(400)
  await until(() => {
    emulator.settle()
    return client.texts.some((text) => text.includes('last_trade_price", "transaction_hash'))
  })
  await client.settle()
  const [first, ...rest] = client.texts.filter((text) => text !== 'PONG')
  expect(first).toMatch(new RegExp(`^\\[${SNAPSHOT}(,${SNAPSHOT})*\\]\n$`))
  const later = new RegExp(`^(${PRICE_CHANGE}|${BOOK}|${TRADE}|${QUOTE})$`)
  expect(rest.filter((text) => !later.test(text))).toEqual([])
  for (const shape of [PRICE_CHANGE, BOOK, TRADE, QUOTE]) {
    expect(rest.some((text) => new RegExp(`^${shape}$`).test(text))).toBe(true)
  }
})

test('a token gives a snapshot once a connection: not on a repeat, nor after leaving and coming back', async () => {
  await using emulator = await openEmulator({ marketCount: 3, rate: 0 })
  const [first, second, third] = tokensOf(emulator)
  using client = await openClient(emulator.urls.ws)
  await client.subscribe([first!])
  await client.subscribe([first!])
  client.send({ operation: 'unsubscribe', assets_ids: [first] })
  client.send({ operation: 'subscribe', assets_ids: [first] })
  client.send({ operation: 'subscribe', assets_ids: [first, second] })
  await client.settle()
  const arrays = client.texts.filter((text) => text.startsWith('['))
  expect(arrays.map((text) => (JSON.parse(text) as { asset_id: string }[]).map((one) => one.asset_id))).toEqual([
    [first],
    [second],
  ])
  client.send({ operation: 'subscribe', assets_ids: [third], initial_dump: false })
  await client.settle()
  expect(client.texts.filter((text) => text.startsWith('['))).toHaveLength(2)
  expect(emulator.ledger().connections[0]?.received.map((one) => [one.type, one.newCount])).toEqual([
    ['subscribe', 1],
    ['subscribe', 0],
    ['unsubscribe', 1],
    ['subscribe', 0],
    ['subscribe', 1],
    ['subscribe', 1],
  ])
})

test('bad frames are answered in plain text, PING by PONG, and an oversized frame closes the connection', async () => {
  await using emulator = await openEmulator({ marketCount: 2, rate: 0 })
  using client = await openClient(emulator.urls.ws)
  for (const bad of ['hello', '{"a":1}', '[', '{"operation":"subscribe","assets_ids":"1"}']) client.send(bad)
  await client.settle()
  expect(client.texts).toEqual([...Array.from({ length: 4 }, () => 'INVALID OPERATION'), 'PONG'])
  client.send({ assets_ids: Array.from({ length: 1_001 }, (_, at) => String(at)), type: 'market' })
  await client.closed
  expect(emulator.ledger().connections[0]).toMatchObject({ closeReason: 'oversize_subscribe' })
})

test('beyond 500 tokens a connection some snapshots never come, while deltas do', async () => {
  await using emulator = await openEmulator({ marketCount: 280, rate: 0, levelCount: 4 })
  using client = await openClient(emulator.urls.ws)
  const tokens = tokensOf(emulator).slice(0, 560)
  for (let at = 0; at < tokens.length; at += 100) await client.subscribe(tokens.slice(at, at + 100))
  const books = client.texts.filter((text) => text.startsWith('[')).flatMap((text) => JSON.parse(text) as unknown[])
  expect(books.length).toBeGreaterThan(500)
  expect(books.length).toBeLessThan(560)
})

test('only subscribed markets flow, at the rate asked for, in small portions', async () => {
  await using emulator = await openEmulator({ marketCount: 20, rate: 500 })
  using client = await openClient(emulator.urls.ws)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(emulator.ledger().framesSent).toBe(0)
  const [market] = emulator.catalogue.markets
  await client.subscribe(market!.tokens.map(({ token }) => token))
  // What a stall of the process took is forfeited.
  await until(async () => {
    const startMs = performance.now()
    const before = emulator.ledger().framesSent
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const rate = ((emulator.ledger().framesSent - before) * 1_000) / (performance.now() - startMs)
    return rate > 450 && rate < 550
  })
  await post(emulator, 'pause')
  await client.settle()
  const paused = emulator.ledger().framesSent
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(emulator.ledger().framesSent - paused).toBeLessThan(20)
})

test('new_market and market_resolved reach every connection that has the flag, whatever its tokens', async () => {
  await using emulator = await openEmulator({ marketCount: 2, rate: 0 })
  using flagged = await openClient(emulator.urls.ws)
  using plain = await openClient(emulator.urls.ws)
  await flagged.subscribe([], { custom_feature_enabled: true })
  await plain.subscribe(tokensOf(emulator))
  const { done: marketId } = (await post(emulator, 'add-market')) as { done: string }
  await post(emulator, 'resolve', { marketId, winner: 1 })
  await flagged.settle()
  const events = flagged.texts.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text) as object)
  expect(events).toMatchObject([
    { event_type: 'new_market', id: marketId },
    { event_type: 'market_resolved', id: marketId, winning_outcome: 'Down' },
  ])
  await plain.settle()
  expect(plain.texts.filter((text) => text.startsWith('{'))).toEqual([])
  const gamma = (await (await fetch(`${emulator.urls.gamma}/markets/${marketId}`)).json()) as Record<string, unknown>
  expect(gamma).toMatchObject({ closed: true, outcomePrices: '["0", "1"]' })
})

test('a tick size change is told for both tokens and the next hashes follow it', async () => {
  await using emulator = await openEmulator({ marketCount: 1, rate: 0 })
  const market = emulator.catalogue.markets[0]!
  const tokens = market.tokens.map(({ token }) => token)
  using client = await openClient(emulator.urls.ws)
  await client.subscribe(tokens)
  await post(emulator, 'tick-size', { token: tokens[0], tickSize: '0.001' })
  emulator.step(50)
  await client.settle()
  const changes = client.texts.filter((text) => text.includes('tick_size_change'))
  expect(changes.map((text) => JSON.parse(text) as object)).toMatchObject(
    tokens.map((token) => ({ asset_id: token, old_tick_size: '0.01', new_tick_size: '0.001' })),
  )
  expect(market.tokens[0]?.book.hash(market.tokens[0].timestamp, market.lastTradePrice)).toBe(market.tokens[0]?.hash)
  expect(market.tokens[0]?.book.identity.tickSize).toBe('0.001')
})

test('the rate may be changed while it runs, to nothing and back', async () => {
  await using emulator = await openEmulator({ marketCount: 2, rate: 0 })
  using client = await openClient(emulator.urls.ws)
  await client.subscribe(tokensOf(emulator), {})
  await client.settle()
  const silent = client.texts.length
  await post(emulator, 'rate', { rate: 500 })
  await until(() => client.texts.length > silent + 20)
  await post(emulator, 'rate', { rate: 0 })
  const { framesSent } = emulator.ledger()
  await client.settle()
  expect(emulator.ledger().framesSent).toBe(framesSent)
})
