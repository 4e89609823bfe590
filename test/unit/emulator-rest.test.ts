import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { openEmulator } from '../../src/emulator/emulator.ts'
import { openClient, until } from './emulator-receiver.ts'

type Json = Record<string, unknown>
const get = async (url: string): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(url)
  return { status: response.status, body: await response.json() }
}

test('keyset paging gives every open market once, best first, and closed ones only when asked', async () => {
  await using emulator = await openEmulator({ marketCount: 120, rate: 0, levelCount: 2 })
  const pages: Json[][] = []
  let cursor: string | undefined
  do {
    const after = cursor === undefined ? '' : `&after_cursor=${cursor}`
    const query = `limit=50&closed=false&order=volume24hr&ascending=false${after}`
    const { body } = await get(`${emulator.urls.gamma}/markets/keyset?${query}`)
    const page = body as { markets: Json[]; next_cursor?: string }
    pages.push(page.markets)
    cursor = page.next_cursor
  } while (cursor !== undefined)
  expect(pages.map((page) => page.length)).toEqual([50, 50, 20])
  const volumes = pages.flat().map((market) => Number(market['volume24hr']))
  expect(volumes).toEqual(volumes.toSorted((left, right) => right - left))
  expect(new Set(pages.flat().map((market) => market['id'])).size).toBe(120)
  const closed = (await get(`${emulator.urls.gamma}/markets?closed=true&limit=100`)).body as Json[]
  expect(closed).toHaveLength(6)
  expect(closed[0]?.['closedTime']).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00$/)
  const { body } = await get(`${emulator.urls.gamma}/events/keyset?closed=false&limit=500`)
  const { events } = body as { events: { markets: Json[] }[] }
  expect(events.flatMap((event) => event.markets)).toHaveLength(120)
  expect((await get(`${emulator.urls.gamma}/markets/keyset?offset=5`)).status).toBe(422)
})

test('a market is found by id and by slug with the field types of the venue, an unknown one is a 404', async () => {
  await using emulator = await openEmulator({ marketCount: 10, rate: 0 })
  const market = (await get(`${emulator.urls.gamma}/markets/516710`)).body as Json
  expect((await get(`${emulator.urls.gamma}/markets/slug/${String(market['slug'])}`)).body).toEqual(market)
  expect(market['conditionId']).toMatch(/^0x[0-9a-f]{64}$/)
  expect(JSON.parse(String(market['clobTokenIds']))).toMatchObject([
    expect.stringMatching(/^\d{77}$/),
    expect.stringMatching(/^\d{77}$/),
  ])
  expect(market).toMatchObject({ orderMinSize: 5, orderPriceMinTickSize: 0.01, negRisk: false, closed: false })
  expect(typeof market['volume']).toBe('string')
  for (const path of ['markets/1', 'markets/slug/none', 'nothing']) {
    expect((await get(`${emulator.urls.gamma}/${path}`)).status).toBe(404)
  }
})

test('books by REST prove themselves as they stand; unknown tokens are omitted or a 404', async () => {
  await using emulator = await openEmulator({ marketCount: 10, rate: 0 })
  using client = await openClient(emulator.urls.ws)
  const tokens = emulator.catalogue.markets
    .filter((market) => !market.closed)
    .flatMap((market) => market.tokens.map(({ token }) => token))
  await client.subscribe(tokens)
  emulator.step(500)
  const body = JSON.stringify(['7', ...tokens].map((token) => ({ token_id: token })))
  const text = await (await fetch(`${emulator.urls.clob}/books`, { method: 'POST', body })).text()
  const books = JSON.parse(text) as Json[]
  expect(books.map((book) => book['asset_id'])).toEqual(tokens)
  for (const book of books) {
    const preimage = JSON.stringify({ ...book, hash: '' })
    expect(createHash('sha1').update(preimage).digest('hex')).toBe(book['hash'])
  }
  expect(text).toBe(JSON.stringify(books))
  expect((await get(`${emulator.urls.clob}/book?token_id=7`)).status).toBe(404)
  const many = JSON.stringify(Array.from({ length: 501 }, () => ({ token_id: '7' })))
  expect((await fetch(`${emulator.urls.clob}/books`, { method: 'POST', body: many })).status).toBe(400)
  const condition = emulator.catalogue.markets[0]!.conditionId
  expect((await get(`${emulator.urls.clob}/clob-markets/${condition}`)).body).toMatchObject({ c: condition, mos: 5 })
  expect(Number((await get(`${emulator.urls.clob}/time`)).body)).toBeGreaterThan(1_700_000_000)
  expect(emulator.ledger(tokens[0]).tokens[0]?.restBooks).toBe(1)
})

test('the Data API tells the trades of the ledger, in both versions, page by page', async () => {
  await using emulator = await openEmulator({ marketCount: 3, rate: 0, tradeShare: 0.5 })
  using client = await openClient(emulator.urls.ws)
  await client.subscribe(emulator.catalogue.markets.flatMap((market) => market.tokens.map(({ token }) => token)))
  emulator.step(100)
  await until(() => emulator.settle() === 0 && emulator.ledger().trades.length > 30)
  const sent = emulator.ledger().trades.toReversed()
  const v1 = (await get(`${emulator.urls.data}/trades?limit=10000`)).body as Json[]
  expect(v1.map((trade) => trade['transactionHash'])).toEqual(sent.map((trade) => trade.transactionHash))
  const v2: Json[] = []
  let cursor: string | null = ''
  do {
    const more: string = cursor === '' ? 'limit=10' : `cursor=${cursor}`
    const { body } = await get(`${emulator.urls.data}/v2/trades?${more}`)
    const page = body as { data: Json[]; pagination: { next_cursor: string | null } }
    v2.push(...page.data)
    cursor = page.pagination.next_cursor
  } while (cursor !== null)
  expect(v2.map((trade) => trade['transaction_hash'])).toEqual(sent.map((trade) => trade.transactionHash))
})

test('events, tags and series are found by slug, and lists are narrowed by their numbers', async () => {
  await using emulator = await openEmulator({ marketCount: 120, rate: 0, levelCount: 2 })
  const read = async (path: string): Promise<Json> => (await get(`${emulator.urls.gamma}/${path}`)).body as Json
  const event = await read('events/slug/event-30003')
  expect(event).toMatchObject({ slug: 'event-30003', series: [{ slug: 'series-1' }], markets: { length: 4 } })
  const tag = await read('tags/slug/crypto')
  const open = emulator.catalogue.markets.filter((market) => !market.closed)
  const tagged = (await read(`markets/keyset?closed=false&limit=100&tag_id=${String(tag['id'])}`))['markets'] as Json[]
  const expected = open.filter(({ tags }) => tags.includes('crypto')).map(({ marketId }) => marketId)
  expect(tagged.map((market) => market['id'])).toEqual(expected)
  const [series] = (await read('series?slug=series-1')) as unknown as Json[]
  const { events } = (await read(`events/keyset?closed=false&series_id=${String(series?.['id'])}`)) as {
    events: Json[]
  }
  expect(events.length).toBeGreaterThan(1)
  for (const one of events) expect(one['series']).toEqual(event['series'])
  for (const path of ['events/slug/none', 'tags/slug/none']) {
    expect((await get(`${emulator.urls.gamma}/${path}`)).status).toBe(404)
  }
})

test('a list that is cut names the cursor again that it was asked with, so often as it was told', async () => {
  await using emulator = await openEmulator({ marketCount: 5, rate: 0, levelCount: 2 })
  const next = async (cursor: string | undefined): Promise<string | undefined> => {
    const after = cursor === undefined ? '' : `&after_cursor=${cursor}`
    const { body } = await get(`${emulator.urls.gamma}/markets/keyset?closed=false${after}`)
    return (body as { next_cursor?: string }).next_cursor
  }
  emulator.cutLists(1)
  const cursor = await next(undefined)
  expect(cursor).toBeDefined()
  expect(await next(cursor)).toBe(cursor)
  expect(await next(undefined)).toBeUndefined()
})

test('a market that was announced has no book on the socket nor by REST before it is ready', async () => {
  await using emulator = await openEmulator({ marketCount: 1, rate: 0, levelCount: 2 })
  using client = await openClient(emulator.urls.ws)
  const marketId = emulator.addMarket(1_500)
  const tokens = emulator.catalogue.byKey({ marketId })?.tokens.map(({ token }) => token) ?? []
  await client.subscribe(tokens)
  expect(emulator.step(5)).toBe(0)
  const book = `${emulator.urls.clob}/book?token_id=${tokens[0] ?? ''}`
  expect((await get(book)).status).toBe(404)
  await until(async () => (await get(book)).status === 200)
  await client.settle()
  expect(client.texts.filter((text) => text.includes(tokens[0] ?? ''))).toEqual([])
  expect(emulator.step(5)).toBeGreaterThan(0)
})
