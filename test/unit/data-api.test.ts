import { createServer, type IncomingMessage } from 'node:http'
import { afterEach, expect, test, vi } from 'vitest'
import type { DataApi, TradePage, TradePlace } from '../../src/domain/data-page.ts'
import { openEmulator, type Emulator, type EmulatorOptions } from '../../src/emulator/emulator.ts'
import { createStats } from '../../src/lib/stats.ts'
import { createDataApi } from '../../src/venue/polymarket/data-api.ts'
import { identifyActivity, identifyTrade } from '../../src/venue/polymarket/data-identity.ts'
import { openClient } from './emulator-receiver.ts'

afterEach(() => void vi.restoreAllMocks())

const never = new AbortController().signal

const open = async (given: Partial<EmulatorOptions> = {}, timeoutMs = 20_000) => {
  const emulator = await openEmulator({ marketCount: 3, rate: 0, tradeShare: 0.5, ...given })
  using client = await openClient(emulator.urls.ws)
  await client.subscribe(emulator.catalogue.markets.flatMap((market) => market.tokens.map(({ token }) => token)))
  emulator.step(400)
  while (emulator.settle() > 0 || emulator.ledger().trades.length < 100) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await new Promise((resolve) => setTimeout(resolve, 100))
  emulator.settle()
  const stats = createStats()
  const api = createDataApi({ baseUrl: emulator.urls.data, callsPer10s: 1_000, stats, timeoutMs, attempts: 3 })
  return { emulator, api, stats, [Symbol.asyncDispose]: () => emulator[Symbol.asyncDispose]() }
}

const hashes = (elements: string[]): string[] => elements.map((raw) => identifyTrade(raw).key.split(' ')[0] ?? '')
const told = (emulator: Emulator, at?: number): string[] =>
  emulator
    .ledger()
    .trades.filter(({ marketId }) => at === undefined || marketId === emulator.catalogue.markets[at]?.marketId)
    .map(({ transactionHash }) => transactionHash)
    .toReversed()

test('pages by cursor are the whole list, once; of some markets only theirs', async () => {
  await using venue = await open()
  const read = async (conditionIds: string[]): Promise<string[]> => {
    const elements: string[] = []
    let place: TradePlace | undefined = venue.api.begin()
    while (place !== undefined) {
      const page: TradePage = await venue.api.trades({ conditionIds, limit: 30, place }, never)
      elements.push(...page.elements)
      place = page.next
    }
    return elements
  }
  expect(hashes(await read([]))).toEqual(told(venue.emulator))
  const [, second] = venue.emulator.catalogue.markets
  expect(hashes(await read([second?.conditionId ?? '']))).toEqual(told(venue.emulator, 1))
  expect(venue.emulator.dataRequests.trades).toBe(0)
})

test('pages by offset overlap and end where the venue shows no more', async () => {
  await using venue = await open()
  const read = (offset: number) =>
    venue.api.trades({ conditionIds: [], limit: 50, place: { type: 'v1', offset } }, never)
  const first = await read(0)
  expect(first.next).toEqual({ type: 'v1', offset: 30 })
  const second = await read(30)
  expect(second.elements.slice(0, 20)).toEqual(first.elements.slice(30))
  const last = await read(9_990)
  expect(last).toMatchObject({ elements: [], isCut: false })
  expect(last.next).toBeUndefined()
})

test('what is refused or fails is asked again, not sooner than the venue says, and counted', async () => {
  await using venue = await open()
  venue.emulator.failData({ status: 500, count: 1, paths: [] })
  venue.emulator.failData({ status: 429, count: 1, paths: [] })
  const began = performance.now()
  const { elements } = await venue.api.trades({ conditionIds: [], limit: 10, place: venue.api.begin() }, never)
  expect(elements).toHaveLength(10)
  // The 429 says `retry-after: 1`.
  expect(performance.now() - began).toBeGreaterThan(950)
  expect(venue.stats.read()).toEqual({ dataCalls: 3, dataCallsFailed: 2 })
})

test('after the last attempt the reason is thrown, and for a while lists begin with v1', async () => {
  await using venue = await open({}, 100)
  venue.emulator.failData({ delayMs: 400, count: 3, paths: ['v2/trades'] })
  const place = venue.api.begin()
  const asked = venue.api.trades({ conditionIds: [], limit: 10, place }, never)
  await expect(asked).rejects.toMatchObject({ name: 'DataApiError', retryable: true })
  expect(venue.stats.read()).toEqual({ dataCalls: 3, dataCallsFailed: 3 })
  expect(venue.api.begin()).toEqual({ type: 'v1', offset: 0 })
})

test('a refusal for good is not asked again', async () => {
  await using venue = await open()
  const asked = venue.api.trades({ conditionIds: [], limit: 5_000, place: venue.api.begin() }, never)
  await expect(asked).rejects.toMatchObject({ retryable: false, message: expect.stringContaining('came status 400') })
  expect(venue.stats.read()).toEqual({ dataCalls: 1, dataCallsFailed: 1 })
})

test('a call that is given up ends at once with the reason', async () => {
  await using venue = await open()
  venue.emulator.failData({ delayMs: 5_000, count: 1, paths: [] })
  const given = new AbortController()
  const asked = venue.api.trades({ conditionIds: [], limit: 5, place: venue.api.begin() }, given.signal)
  given.abort(new Error('nobody waits'))
  await expect(asked).rejects.toThrow('nobody waits')
})

test('a fill of v1 and of v2 has one identity, and what lacks a field has that of its text', async () => {
  await using venue = await open()
  const v1 = await venue.api.trades({ conditionIds: [], limit: 40, place: { type: 'v1', offset: 0 } }, never)
  const v2 = await venue.api.trades({ conditionIds: [], limit: 40, place: venue.api.begin() }, never)
  expect(v2.elements.map(identifyTrade)).toEqual(v1.elements.map(identifyTrade))
  expect(identifyTrade(v1.elements[0] ?? '').conditionId).toMatch(/^0x/)
  expect(identifyTrade('{"side":"BUY"}')).toMatchObject({ key: expect.stringMatching(/^raw /), conditionId: undefined })
  expect(identifyActivity('7')).toMatchObject({ key: expect.stringMatching(/^activity raw /) })
})

/** A venue of which each answer is given: a list for v1, or a status. */
const openVenue = async (answer: (request: IncomingMessage) => unknown[] | number) => {
  const server = createServer((request, response) => {
    const given = answer(request)
    response.statusCode = typeof given === 'number' ? given : 200
    response.end(JSON.stringify(given))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const open = (login = '') => {
    const baseUrl = `http://${login}127.0.0.1:${port}/secret-prefix`
    return createDataApi({ baseUrl, callsPer10s: 1_000, stats: createStats(), attempts: 1 })
  }
  return { open, [Symbol.asyncDispose]: async () => void server.close() }
}
const offsetOf = ({ url = '' }: IncomingMessage): number => Number(/[?&]offset=(\d+)/.exec(url)?.[1] ?? 0)
const v1 = (offset: number, limit = 50) =>
  ({ conditionIds: [], limit, place: { type: 'v1', offset } }) satisfies Parameters<DataApi['trades']>[0]

test('a page by offset is overlapped by all that it has of the transaction at its end', async () => {
  // 10 of one transaction, 35 of the next, and 60 that no page holds.
  const hashes = [...Array.from({ length: 10 }, () => 'a'), ...Array.from({ length: 35 }, () => 'b')]
  const list = [...hashes, ...Array.from({ length: 60 }, () => 'c')].map((transactionHash) => ({ transactionHash }))
  await using venue = await openVenue((request) => list.slice(offsetOf(request), offsetOf(request) + 40))
  const api = venue.open()
  expect((await api.trades(v1(0, 40), never)).next).toEqual({ type: 'v1', offset: 10 })
  expect((await api.trades(v1(10, 40), never)).next).toEqual({ type: 'v1', offset: 30 })
  expect((await api.trades(v1(45, 40), never)).next).toEqual({ type: 'v1', offset: 65 })
  expect(await api.activity({ wallet: '0x1', limit: 40, offset: 0 }, never)).toMatchObject({ nextOffset: 10 })
})

test('where the venue refuses an offset its list ends as cut; a refused first page is a failure', async () => {
  const refused = new Set([0, 3_520])
  await using venue = await openVenue((request) => (refused.has(offsetOf(request)) ? 400 : []))
  const api = venue.open()
  expect(await api.trades(v1(3_520), never)).toMatchObject({ elements: [], next: undefined, isCut: true })
  const activity = await api.activity({ wallet: '0x1', limit: 50, offset: 3_520 }, never)
  expect(activity).toMatchObject({ elements: [], nextOffset: undefined, isCut: true })
  await expect(api.trades(v1(0), never)).rejects.toMatchObject({ retryable: false })
})

test('a name and password in the address are sent, and told in no error', async () => {
  const logins: (string | undefined)[] = []
  await using venue = await openVenue(({ headers }) => {
    logins.push(headers.authorization)
    return 401
  })
  const failure = await venue.open('me:p%40ss@').trades(v1(0), never).catch(String)
  expect(logins).toEqual([`Basic ${Buffer.from('me:p@ss').toString('base64')}`])
  expect(failure).toContain('GET trades?limit=50&offset=0 of the Data API, asked 1 times, came status 401')
  expect(failure).not.toMatch(/me:|ss@|secret/)
})

test('v2 is asked again after a minute, also when the clock was set back; a refused cursor keeps it from nothing', async () => {
  await using venue = await openVenue(() => 400)
  const api = venue.open()
  const ask = (cursor?: string) => api.trades({ conditionIds: [], limit: 9, place: { type: 'v2', cursor } }, never)
  await expect(ask('old')).rejects.toMatchObject({ retryable: false })
  expect(api.begin()).toEqual({ type: 'v2', cursor: undefined })
  await expect(ask()).rejects.toMatchObject({ retryable: false })
  expect(api.begin()).toEqual({ type: 'v1', offset: 0 })
  const [dateMs, elapsedMs] = [Date.now(), performance.now()]
  vi.spyOn(Date, 'now').mockReturnValue(dateMs - 3_600_000)
  vi.spyOn(performance, 'now').mockReturnValue(elapsedMs + 61_000)
  expect(api.begin()).toEqual({ type: 'v2', cursor: undefined })
})
