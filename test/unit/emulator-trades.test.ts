import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openEmulator, type Emulator, type EmulatorOptions } from '../../src/emulator/emulator.ts'
import type { LedgerTrade } from '../../src/emulator/ledger.ts'
import { fromMillionths, toMillionths } from '../../src/domain/decimal.ts'
import { openClient } from './emulator-receiver.ts'

type Json = Record<string, unknown>

const MINUTE_MS = 60_000

const get = async (emulator: Emulator, path: string): Promise<Response> => fetch(`${emulator.urls.data}/${path}`)
const listed = async (emulator: Emulator): Promise<Json[]> =>
  (await (await get(emulator, 'trades?limit=10000')).json()) as Json[]

const post = async (emulator: Emulator, action: string, body: object): Promise<number> =>
  (await fetch(`${emulator.urls.control}/${action}`, { method: 'POST', body: JSON.stringify(body) })).status

/** An emulator with its own clock that has traded for a while, and what one subscriber heard. */
const traded = async (given: Partial<EmulatorOptions>, actions: number) => {
  const clock = { timeMs: 1_800_000_000_000 }
  const emulator = await openEmulator({ marketCount: 2, rate: 0, tradeShare: 0.6, now: () => clock.timeMs, ...given })
  using client = await openClient(emulator.urls.ws)
  await client.subscribe(emulator.catalogue.markets.flatMap((market) => market.tokens.map(({ token }) => token)))
  for (let at = 0; at < actions; at++) {
    emulator.step(1)
    emulator.settle()
    clock.timeMs += 20
  }
  clock.timeMs += 100
  emulator.settle()
  await client.settle()
  const heard = client.texts
    .filter((text) => text.includes('"last_trade_price"') && text.startsWith('{'))
    .map((text) => JSON.parse(text) as Json)
    .filter((message) => message['event_type'] === 'last_trade_price')
  return { emulator, clock, heard }
}

const keyOf = (hash: unknown, token: unknown, price: unknown, size: unknown): string =>
  [hash, token, Number(price), Number(size)].join(' ')
const ofLedger = (trade: LedgerTrade): string => keyOf(trade.transactionHash, trade.token, trade.price, trade.size)
const ofApi = (trade: Json): string => keyOf(trade['transactionHash'], trade['asset'], trade['price'], trade['size'])
const ofSocket = (trade: Json): string =>
  keyOf(trade['transaction_hash'], trade['asset_id'], trade['price'], trade['size'])

const share = fc.double({ min: 0, max: 0.4, noNaN: true })

test('the ledger is the truth: a source shows it but for what it misses, and no fill is missed by both', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ seed: fc.integer(), socketMissShare: share, dataMissShare: share, lateMs: fc.nat(MINUTE_MS) }),
      async ({ seed, ...tradeFaults }) => {
        const { emulator, clock, heard } = await traded({ seed, tradeFaults }, 150)
        await using opened = emulator
        clock.timeMs += MINUTE_MS
        const { trades } = opened.ledger()
        const shown = (by: LedgerTrade['missedBy']): string[] =>
          trades.filter(({ missedBy }) => missedBy !== by).map(ofLedger)
        expect(heard.map(ofSocket)).toEqual(shown('socket'))
        expect((await listed(opened)).toReversed().map(ofApi)).toEqual(shown('data_api'))
      },
    ),
    { numRuns: 10 },
  )
})

test('a fill that is late is not shown at first, and later in its place among those that were there', async () => {
  const { emulator, clock } = await traded({ tradeFaults: { lateMs: MINUTE_MS } }, 300)
  await using opened = emulator
  const first = (await listed(opened)).map(ofApi)
  const all = opened.ledger().trades.map(ofLedger).toReversed()
  expect(first.length).toBeGreaterThan(0)
  expect(first.length).toBeLessThan(all.length)
  expect(all.indexOf(first[0] ?? '')).toBeGreaterThan(0)
  clock.timeMs += MINUTE_MS
  expect((await listed(opened)).map(ofApi)).toEqual(all)
})

test('one transaction has one wallet; its fills may be several, and equal', async () => {
  const { emulator } = await traded({ walletCount: 5, tradeFaults: { equalShare: 1, sweepShare: 1 } }, 100)
  await using opened = emulator
  const { trades } = opened.ledger()
  const countOf = (of: (trade: LedgerTrade) => string): number => new Set(trades.map(of)).size
  const transactions = countOf(({ transactionHash }) => transactionHash)
  expect(countOf(({ transactionHash, wallet }) => `${transactionHash} ${wallet}`)).toBe(transactions)
  expect(countOf(({ transactionHash, price }) => `${transactionHash} ${price}`)).toBeGreaterThan(transactions)
  expect(new Set(trades.map(ofLedger)).size).toBeLessThan(trades.length)
  expect(new Set(trades.map(({ wallet }) => wallet)).size).toBe(5)
})

test('what the wallets hold is what they traded, split, merged and redeemed', async () => {
  const { emulator, clock } = await traded({ walletCount: 20, activityShare: 0.5 }, 400)
  await using opened = emulator
  const { trades, activities } = opened.ledger()
  expect(new Set(activities.map(({ type }) => type))).toEqual(new Set(['SPLIT', 'MERGE']))
  const [market] = opened.catalogue.markets
  const held = new Map<string, number[]>()
  const change = (wallet: string, at: number, by: number): void => {
    const amounts = held.get(wallet) ?? [0, 0]
    amounts[at] = (amounts[at] ?? 0) + by
    held.set(wallet, amounts)
  }
  for (const { wallet, token, side, size, marketId } of trades) {
    if (marketId !== market?.marketId) continue
    const at = market.tokens.findIndex((one) => one.token === token)
    change(wallet, at, (toMillionths(size) ?? 0) * (side === 'BUY' ? 1 : -1))
  }
  for (const { wallet, type, size, marketId } of activities) {
    const by = (toMillionths(size) ?? 0) * (type === 'SPLIT' ? 1 : -1)
    if (marketId === market?.marketId) for (const at of [0, 1]) change(wallet, at, by)
  }
  opened.resolve({ marketId: market?.marketId ?? '', winner: 1, told: true, listed: true })
  const redeemed = opened.ledger().activities.filter(({ type }) => type === 'REDEEM')
  const expected = [...held].filter(([, amounts]) => amounts.some((amount) => amount > 0))
  expect(new Map(redeemed.map(({ wallet, usdcSize }) => [wallet, usdcSize]))).toEqual(
    new Map(expected.map(([wallet, [, winning = 0]]) => [wallet, fromMillionths(Math.max(winning, 0))])),
  )
  const [one] = redeemed
  clock.timeMs += 1_000
  const answer = await get(opened, `activity?user=${one?.wallet ?? ''}&type=SPLIT,MERGE,REDEEM`)
  const told = (await answer.json()) as Json[]
  const done = opened.ledger().activities.filter(({ wallet }) => wallet === one?.wallet)
  expect(told).toHaveLength(done.length)
  expect(new Set(told.map((element) => element['transactionHash']))).toEqual(
    new Set(done.map(({ transactionHash }) => transactionHash)),
  )
})

test('the books are the same whoever trades and whatever a source misses', async () => {
  const books = async (given: Partial<EmulatorOptions>) => {
    const { emulator } = await traded(given, 200)
    await using opened = emulator
    return opened.ledger().tokens.map(({ token, bids, asks, hash }) => ({ token, bids, asks, hash }))
  }
  const faults = { socketMissShare: 0.3, dataMissShare: 0.3, lateMs: 1_000 }
  expect(await books({ walletCount: 3, activityShare: 0.9, tradeFaults: faults })).toEqual(await books({}))
})

test('v2 wants its cursor and v1 its offset, both within their bounds; activity wants a user', async () => {
  const { emulator } = await traded({}, 60)
  await using opened = emulator
  const statuses = async (paths: string[]): Promise<number[]> =>
    Promise.all(paths.map(async (path) => (await get(opened, path)).status))
  const twentyOne = Array.from({ length: 21 }, (_, at) => `0x${at}`).join(',')
  const refused = [
    'v2/trades?offset=0',
    'v2/trades?cursor=x',
    'v2/trades?limit=1001',
    `v2/trades?condition=${twentyOne}`,
  ]
  expect(await statuses([...refused, 'trades?offset=10001', 'activity', 'activity?user=0x1&limit=501'])).toEqual(
    Array.from({ length: 7 }, () => 400),
  )
})

test('the Data API fails as often as it was told, on the paths that it was told', async () => {
  await using emulator = await openEmulator({ marketCount: 1, rate: 0, levelCount: 2 })
  expect(await post(emulator, 'data-fault', { status: 429, count: 1, paths: ['trades'] })).toBe(200)
  expect((await get(emulator, 'v2/trades')).status).toBe(200)
  const refused = await get(emulator, 'trades')
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
  expect((await get(emulator, 'trades')).status).toBe(200)
  expect(await post(emulator, 'trade-faults', { socketMissShare: 2 })).toBe(400)
  expect(emulator.dataRequests).toEqual({ trades: 2, 'v2/trades': 1, activity: 0 })
})

test('a page of /trades that repeats begins with the end of the page before', async () => {
  const { emulator } = await traded({ tradeFaults: { repeatShare: 1 } }, 200)
  await using opened = emulator
  const all = (await listed(opened)).map(ofApi)
  const second = (await (await get(opened, 'trades?limit=10&offset=30')).json()) as Json[]
  const from = all.indexOf(ofApi(second[0] ?? {}))
  expect(from).toBeLessThan(30)
  expect(from).toBeGreaterThanOrEqual(10)
})

test('a run that starts anew with the same seed makes other transactions', async () => {
  const hashesSince = async (timeMs: number): Promise<string[]> => {
    let nowMs = timeMs
    const { emulator } = await traded({ now: () => (nowMs += 5) }, 200)
    await using opened = emulator
    return opened.ledger().trades.map(({ transactionHash }) => transactionHash)
  }
  const first = await hashesSince(1_800_000_000_000)
  const second = await hashesSince(1_800_000_300_000)
  expect(first.length).toBeGreaterThan(10)
  expect(second.length).toBeGreaterThan(10)
  expect(second.filter((hash) => first.includes(hash))).toEqual([])
})
