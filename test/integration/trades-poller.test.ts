import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { TRADES_POLLED_KEY, TRADES_STREAM, readyKey } from '../../src/domain/keys.ts'
import { parseHeartbeat } from '../../src/domain/heartbeat.ts'
import { breaksOf, readStream, until } from './feed-support.ts'
import { ledgerFills, openTradesBench, streamActivities, streamFills, trade } from './trades-support.ts'

afterEach(() => void vi.restoreAllMocks())

type Bench = Awaited<ReturnType<typeof openTradesBench>>

const allIds = ({ emulator }: Bench): string[] => emulator.catalogue.markets.map(({ marketId }) => marketId)

/** Trades that are due are told first: nothing more comes. */
const untilWhole = async ({ emulator, redis }: Bench, marketIds?: string[]): Promise<void> => {
  await until('no trade is due', async () => {
    await sleep(100)
    return emulator.settle() === 0
  })
  const isAsked = (marketId: string): boolean => marketIds?.includes(marketId) ?? true
  const expected = ledgerFills(emulator.ledger().trades.filter(({ marketId }) => isAsked(marketId)))
  expect(expected.size).toBeGreaterThan(20)
  await until('the stream has every fill of the ledger', async () => {
    const found = await streamFills(redis)
    return [...expected].every(([key, count]) => found.get(key) === count)
  })
  expect(await streamFills(redis)).toEqual(expected)
}

test.concurrent('every fill of the ledger is in the stream, equal ones as often, however late, repeated or refused they came', async () => {
  const tradeFaults = { lateMs: 1_000, repeatShare: 0.5, equalShare: 0.8, sweepShare: 0.5 }
  await using bench = await openTradesBench({ tradeFaults }, { TRADES_SWEEP_MS: '700' })
  await bench.record(allIds(bench))
  const attempt = bench.start()
  for (let round = 0; round < 3; round++) {
    bench.emulator.failData({ status: round % 2 === 0 ? 429 : 500, count: 2, paths: ['v2/trades', 'trades'] })
    await trade(bench.emulator, 100, 10)
  }
  await untilWhole(bench)
  const { trades } = bench.emulator.ledger()
  expect(ledgerFills(trades).size).toBeLessThan(trades.length)
  await attempt.stop()
  expect(bench.stats.read()).toMatchObject({ dataCallsFailed: expect.any(Number) })
  const entries = await readStream(bench.redis, TRADES_STREAM)
  expect(breaksOf(entries)).toEqual([])
  expect(await bench.redis.zscore(readyKey(0), TRADES_STREAM)).not.toBeNull()
})

test.concurrent('where /v2/trades is away, /trades tells the same fills', async () => {
  await using bench = await openTradesBench(
    { tradeFaults: { repeatShare: 1, equalShare: 1, lateMs: 500 } },
    { TRADES_SWEEP_MS: '500' },
  )
  await bench.record(allIds(bench))
  bench.emulator.failData({ status: 404, count: 1_000, paths: ['v2/trades'] })
  await trade(bench.emulator, 1_200, 0)
  const attempt = bench.start()
  await trade(bench.emulator, 200, 5)
  await untilWhole(bench)
  expect(bench.stats.read()['dataFallbacks']).toBeGreaterThan(0)
  expect(bench.emulator.dataRequests.trades).toBeGreaterThan(2)
  await attempt.stop()
})

test.concurrent('attempts that die leave nothing out: the next one reads again what may be missing', async () => {
  await using bench = await openTradesBench({ tradeFaults: { lateMs: 300 } }, { TRADES_SWEEP_MS: '500' })
  await bench.record(allIds(bench))
  for (let round = 0; round < 3; round++) {
    const attempt = bench.start()
    await trade(bench.emulator, 60, 10)
    await attempt.lose()
    await trade(bench.emulator, 60, 0)
  }
  const last = bench.start()
  await untilWhole(bench)
  await last.stop()
})

test.concurrent('what Redis lost is read again once something new comes', async () => {
  await using bench = await openTradesBench({}, { TRADES_SWEEP_MS: '60000' })
  await bench.record(allIds(bench))
  const attempt = bench.start()
  await trade(bench.emulator, 200, 0)
  await untilWhole(bench)
  await bench.redis.flushall()
  await bench.record(allIds(bench))
  await trade(bench.emulator, 60, 0)
  await untilWhole(bench)
  expect(bench.stats.read()).toMatchObject({ dataStreamLosses: 1 })
  await attempt.stop()
})

test('a clock that is set back by an hour holds up neither polls nor sweeps nor what is recorded', async () => {
  await using bench = await openTradesBench({}, { TRADES_SWEEP_MS: '400' })
  const first = allIds(bench).slice(0, 2)
  await bench.record(first)
  const attempt = bench.start()
  await trade(bench.emulator, 300, 0)
  await untilWhole(bench, first)
  const now = Date.now.bind(Date)
  vi.spyOn(Date, 'now').mockImplementation(() => now() - 3_600_000)
  await bench.record(allIds(bench))
  await trade(bench.emulator, 60, 0)
  await untilWhole(bench)
  await attempt.stop()
})

test.concurrent('an outage of the Data API is caught up with, page by page', async () => {
  await using bench = await openTradesBench({}, { TRADES_SWEEP_MS: '60000' })
  await bench.record(allIds(bench))
  const attempt = bench.start()
  await trade(bench.emulator, 40, 0)
  await untilWhole(bench)
  bench.emulator.failData({ status: 400, count: 1_000_000, paths: [] })
  await trade(bench.emulator, 900, 0)
  await until('polls fail', () => (bench.stats.read()['dataPollsFailed'] ?? 0) > 1)
  const before = bench.emulator.dataRequests['v2/trades'] + bench.emulator.dataRequests.trades
  expect(before).toBeGreaterThan(1)
  bench.emulator.endDataFaults()
  await untilWhole(bench)
  const [subject, text] = bench.heartbeats.texts()
  expect(subject).toBe('trades:0')
  expect(parseHeartbeat(text ?? '').trouble).toBeUndefined()
  await attempt.stop()
  expect(bench.heartbeats.texts()).toEqual([])
})

test.concurrent('only what is recorded is appended; a market that comes later brings its last minutes, one that left its last fills', async () => {
  await using bench = await openTradesBench(
    { marketCount: 30, tradeFaults: { lateMs: 400 } },
    { TRADES_SWEEP_MS: '400' },
  )
  const ids = allIds(bench)
  const first = ids.slice(0, 24)
  await bench.record(first)
  const attempt = bench.start()
  await trade(bench.emulator, 300, 2)
  await untilWhole(bench, first)
  await bench.record(ids)
  await bench.record(first.slice(0, 5), 'stopped')
  await untilWhole(bench)
  await attempt.stop()
})

test.concurrent('without a recorded market nothing is asked', async () => {
  await using bench = await openTradesBench({})
  const attempt = bench.start()
  await until('polls', async () => (await bench.redis.get(TRADES_POLLED_KEY)) !== null)
  await until('heartbeats', () => attempt.beats.length > 0)
  await attempt.stop()
  expect(bench.emulator.dataRequests).toEqual({ trades: 0, 'v2/trades': 0, activity: 0 })
})

test.concurrent('splits, merges and redemptions of tracked wallets are in the stream, once, and nobody else is asked about', async () => {
  const wallets: string[] = []
  await using venue = await openTradesBench({ walletCount: 3, activityShare: 0.5, seed: 5 })
  await trade(venue.emulator, 200, 0)
  wallets.push(...new Set(venue.emulator.ledger().activities.map(({ wallet }) => wallet)))
  const [followed = '', ...others] = wallets
  expect(others.length).toBeGreaterThan(0)
  const variables = { TRACKED_WALLETS: followed.toUpperCase().replace('0X', '0x'), ACTIVITY_POLL_MS: '50' }
  await using bench = await openTradesBench({ walletCount: 3, activityShare: 0.5, seed: 5 }, variables)
  await bench.record(allIds(bench))
  const attempt = bench.start()
  await trade(bench.emulator, 200, 0)
  const [market] = allIds(bench)
  bench.emulator.resolve({ marketId: market ?? '', winner: 0, told: true, listed: true })
  const done = bench.emulator.ledger().activities.filter(({ wallet }) => wallet === followed)
  await until('all are in the stream', async () => (await streamActivities(bench.redis)).length >= done.length)
  await until('a few more polls', () => bench.emulator.dataRequests.activity > 20)
  const found = await streamActivities(bench.redis)
  expect(found.map(({ transactionHash }) => transactionHash)).toHaveLength(done.length)
  expect(new Set(found.map(({ type, wallet, transactionHash }) => `${type} ${wallet} ${transactionHash}`))).toEqual(
    new Set(done.map(({ type, wallet, transactionHash }) => `${type.toLowerCase()} ${wallet} ${transactionHash}`)),
  )
  expect(new Set(found.map(({ type }) => type))).toEqual(new Set(['split', 'merge', 'redeem']))
  await attempt.stop()
})
