import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { EMPTY_POSITION, type Position } from '../../src/domain/position.ts'
import { withClient } from '../../src/store/checkout.ts'
import { foldStored } from '../../src/store/position-fold.ts'
import type { PositionDifference } from '../../src/store/position-rebuild.ts'
import {
  wrongPositions,
  type ActivityTruth,
  type PositionsTruth,
  type TradeTruth,
} from '../support/expect-positions.ts'
import { tokensOf } from '../support/normalizer-flow.ts'
import { activityRow, buy, openCommits, rebuild, START_MS, tradeRow } from '../support/position-commits.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const CLEAR = 'truncate fills, positions, wallet_activities, markets, outcomes, dead_letters cascade'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(async () => database[Symbol.asyncDispose]())
beforeEach(async () => {
  await database.pool.query(CLEAR)
})

const statesOf = (positions: Map<string, Position>) => [...positions].map(([key, { state }]) => [key, state])

/** Does not compress. */
const randomText = (length: number): string => randomBytes(length / 2).toString('hex')

const MARKETS = ['71', '72']
const timestamp = fc.integer({ min: 0, max: 400_000 }).map((ms) => String(START_MS + ms))
/** One wallet and token have so many moves that there is a base to go on from. */
const wallet = fc.constantFrom('0xa', '0xa', '0xa', '0xa', '0xb')
const token = fc.constantFrom(...tokensOf('71'), ...tokensOf('72'), ...Array.from({ length: 8 }, () => '71001'))
const size = fc.constantFrom('1', '2.5', '7.000001', '40')

const trade: fc.Arbitrary<TradeTruth> = fc.record({
  wallet,
  token,
  side: fc.constantFrom('BUY', 'SELL'),
  price: fc.constantFrom('0.3', '0.51', '0.999'),
  size,
  timestamp,
})
const activity: fc.Arbitrary<ActivityTruth> = fc
  .record({
    wallet,
    type: fc.constantFrom('SPLIT', 'MERGE', 'REDEEM', 'CONVERSION'),
    marketId: fc.constantFrom(...MARKETS),
    size,
    outcomeIndex: fc.constantFrom(0, 1, 999),
    timestamp,
  })
  .map((one) => ({ ...one, usdcSize: one.size }))

type Arrival = { type: 'trade'; row: TradeTruth } | { type: 'activity'; row: ActivityTruth }
const arrivals: fc.Arbitrary<Arrival[]> = fc
  .tuple(fc.array(trade, { minLength: 100, maxLength: 300 }), fc.array(activity, { minLength: 5, maxLength: 30 }))
  .map(([trades, activities]): Arrival[] => [
    ...trades.map((row) => ({ type: 'trade' as const, row })),
    ...activities.map((row) => ({ type: 'activity' as const, row })),
  ])
  .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }))
const run = fc.record({
  arrivals,
  batchSizes: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }),
  /** After how many batches a market is resolved, and how. */
  resolved: fc.option(fc.record({ after: fc.nat(6), payouts: fc.constantFrom<string[]>(['1', '0'], ['0.5', '0.5']) })),
  isAgain: fc.boolean(),
})

const inBatches = (all: Arrival[], sizes: number[]): Arrival[][] => {
  const batches: Arrival[][] = []
  for (let at = 0, turn = 0; at < all.length; turn++) {
    const count = sizes[turn % sizes.length] ?? 1
    batches.push(all.slice(at, at + count))
    at += count
  }
  return batches
}

test('in whatever order and batches fills, activities and resolutions come, and how often, positions are those of the sorted books, and a rebuild finds nothing to change', async () => {
  await fc.assert(
    fc.asyncProperty(run, async (given) => {
      await database.pool.query(CLEAR)
      const { commit, market } = await openCommits(database.pool)
      for (const marketId of MARKETS) await market(marketId)
      const numbers = new Map(given.arrivals.map((one, at) => [one, `0x${at}`]))
      const batches = inBatches(given.arrivals, given.batchSizes)
      for (const [at, batch] of batches.entries()) {
        const trades = batch.flatMap((one) => (one.type === 'trade' ? [tradeRow({ ...one.row, transactionHash: numbers.get(one) ?? '' })] : [])) // prettier-ignore
        const activities = batch.flatMap((one) => (one.type === 'activity' ? [activityRow({ ...one.row, transactionHash: numbers.get(one) ?? '' })] : [])) // prettier-ignore
        await commit({ trades, activities })
        if (given.isAgain) await commit({ trades, activities })
        if (given.resolved?.after === at) await market('71', given.resolved.payouts)
      }
      const truth: PositionsTruth = {
        trades: given.arrivals.flatMap((one) => (one.type === 'trade' ? [one.row] : [])),
        activities: given.arrivals.flatMap((one) => (one.type === 'activity' ? [one.row] : [])),
      }
      expect(await wrongPositions(database.pool, truth)).toEqual([])
      expect(await rebuild(database.pool, true)).toEqual([])
    }),
    { numRuns: 12 },
  )
})

const figures = async (): Promise<Record<string, unknown>[]> =>
  (
    await database.pool.query<Record<string, unknown>>(
      `select user_id, outcome_id, qty::float8, avg_price::float8, pnl::float8, payout::float8, unseen_qty::float8
       from positions order by user_id, outcome_id`,
    )
  ).rows

test('a resolved market pays each outcome, provisionally and then finally, and a fill that is told of later still finds its place', async () => {
  const { commit, market } = await openCommits(database.pool)
  await market('71')
  await commit({ trades: [tradeRow({ ...buy('0xa'), transactionHash: '0x1' })] })
  expect(await figures()).toMatchObject([{ qty: 10, avg_price: 0.4, pnl: 0, payout: null }])
  const resolved = { marketId: '71', winningToken: tokensOf('71')[0] ?? '', exchangeTimeMs: START_MS + 60_000 }
  await commit({ resolvedMarkets: new Map([['71', resolved]]) })
  expect(await figures()).toMatchObject([{ qty: 0, avg_price: null, pnl: 6, payout: 1 }])
  const earlier = buy('0xa', { side: 'SELL', price: '0.6', size: '4', timestamp: String(START_MS + 1_000) })
  const first = buy('0xa', { price: '0.2', timestamp: String(START_MS - 1_000) })
  await commit({ trades: [tradeRow({ ...earlier, transactionHash: '0x2' }), tradeRow({ ...first, transactionHash: '0x3' })] }) // prettier-ignore
  // 20 at 0.3, 4 sold at 0.6, 16 paid at 1.
  expect(await figures()).toMatchObject([{ qty: 0, pnl: 12.4, payout: 1 }])
  await market('71', ['0.5', '0.5'])
  expect(await figures()).toMatchObject([{ qty: 0, pnl: 4.4, payout: 0.5 }])
})

test('where wallets are tracked, others have no position, and a rebuild takes theirs away', async () => {
  const everybody = await openCommits(database.pool)
  await everybody.market('71')
  await everybody.commit({ trades: [tradeRow({ ...buy('0xa'), transactionHash: '0x1' }), tradeRow({ ...buy('0xb'), transactionHash: '0x2' })] }) // prettier-ignore
  const one = await openCommits(database.pool, ['0xa'])
  await one.commit({ trades: [tradeRow({ ...buy('0xb'), transactionHash: '0x3' }), tradeRow({ ...buy('0xc'), transactionHash: '0x4' })] }) // prettier-ignore
  expect((await figures()).map((row) => [row['user_id'], row['qty']])).toEqual([['0xa', 10], ['0xb', 10]]) // prettier-ignore
  await rebuild(database.pool, false, [], ['0xa'])
  expect((await figures()).map((row) => row['user_id'])).toEqual(['0xa'])
  await rebuild(database.pool, false)
  expect((await figures()).map((row) => [row['user_id'], row['qty']])).toEqual([['0xa', 10], ['0xb', 20], ['0xc', 10]]) // prettier-ignore
})

test('a rebuild names each figure that differs, changes nothing in a dry run, and puts right what is wrong of the wallets that are asked for', async () => {
  const { commit, market } = await openCommits(database.pool)
  await market('71')
  const trades = ['0xa', '0xb', '0xc'].map((who) => tradeRow({ ...buy(who), transactionHash: who }))
  await commit({ trades })
  await database.pool.query(`update positions set held = 11, cost = 0 where user_id = '0xa'`)
  await database.pool.query(`delete from positions where user_id = '0xb'`)
  await database.pool.query(`update positions set base = '{"second":"1790000000","held":"1","cost":"1","trading_pnl":"0","unseen_qty":"0","unseen_proceeds":"0","moves":"1"}' where user_id = '0xc'`) // prettier-ignore
  const differences = await rebuild(database.pool, true)
  const named = differences.map(({ wallet: who, figure, stored, rebuilt }) => [who, figure, stored, rebuilt])
  expect(named).toContainEqual(['0xa', 'held', '11', '10'])
  expect(named).toContainEqual(['0xa', 'cost', '0', '4'])
  expect(named).toContainEqual(['0xb', 'held', 'none', '10'])
  expect(named).toContainEqual(['0xc', 'base', 'wrong', 'right'])
  expect(await rebuild(database.pool, true)).toEqual(differences)
  await rebuild(database.pool, false, ['0xb'])
  expect((await rebuild(database.pool, true)).map(({ wallet: who }) => who)).toEqual(['0xa', '0xa', '0xc'])
  await rebuild(database.pool, false)
  expect(await rebuild(database.pool, true)).toEqual([])
})

test('a rebuild beside a running ingestion neither misses a fill nor counts one twice', async () => {
  const { commit, market } = await openCommits(database.pool)
  await market('71')
  const trades = Array.from({ length: 600 }, (_, at) =>
    buy(`0x${at % 7}`, {
      side: at % 3 === 0 ? 'SELL' : 'BUY',
      timestamp: String(START_MS + ((at * 7_919) % 600) * 1_000),
    }),
  )
  let isOver = false
  const rebuilding = (async () => {
    const found: PositionDifference[] = []
    while (!isOver) found.push(...(await rebuild(database.pool, false)))
    return found
  })()
  for (let at = 0; at < trades.length; at += 10) {
    const rows = trades.slice(at, at + 10).map((one, index) => tradeRow({ ...one, transactionHash: `0x${at + index}` }))
    await commit({ trades: rows })
  }
  isOver = true
  expect(await rebuilding).toEqual([])
  expect(await wrongPositions(database.pool, { trades, activities: [] })).toEqual([])
})

test('in pages of whatever size what is stored is folded to the same, seconds with many moves and activities included', async () => {
  const { commit, market } = await openCommits(database.pool)
  await market('71')
  const second = fc.integer({ min: 0, max: 12 }).map((at) => String(START_MS + at * 1_000))
  const some = fc.record({ trades: fc.array(trade, { minLength: 30 }), activities: fc.array(activity), seconds: fc.array(second, { minLength: 1 }) }) // prettier-ignore
  const [{ trades, activities, seconds } = { trades: [], activities: [], seconds: [] }] = fc.sample(some, { numRuns: 1, seed: 7 }) // prettier-ignore
  const placed = <T>(one: T, at: number) => ({ ...one, wallet: '0xa', timestamp: seconds[at % seconds.length] ?? '', transactionHash: `0x${at}` }) // prettier-ignore
  await commit({
    trades: trades.map((one, at) => tradeRow({ ...placed(one, at), token: tokensOf('71')[at % 2] ?? '' })),
    activities: activities.map((one, at) => activityRow({ ...placed(one, at), marketId: '71' })),
  })
  const starts = ['71:0', '71:1'].map((outcomeId) => ({ wallet: '0xa', outcomeId, ...EMPTY_POSITION }))
  await withClient(database.pool, async (client) => {
    const whole = await foldStored(client, starts)
    expect([...whole.values()].every(({ state }) => state.moves > 10)).toBe(true)
    for (const leastEach of [1, 2, 7]) {
      for (const movesAtOnce of [1, 14]) {
        expect(statesOf(await foldStored(client, starts, { leastEach, movesAtOnce }))).toEqual(statesOf(whole))
      }
    }
  })
  expect(await rebuild(database.pool, true)).toEqual([])
})

test('a row that Postgres refuses becomes a dead letter, and the positions are those of the others', async () => {
  const { commit, market } = await openCommits(database.pool)
  await market('71')
  const good = buy('0xa')
  const bad = tradeRow({ ...buy('0xb'), transactionHash: '0x2' })
  // A wallet that is longer than what an index takes.
  const refused = { ...bad, trade: { ...bad.trade, wallet: `0x${randomText(9_000)}` } }
  const split = { wallet: '0xa', type: 'SPLIT', marketId: '71', size: '5', usdcSize: '5', outcomeIndex: 999, timestamp: String(START_MS) } // prettier-ignore
  const elsewhere = { ...split, marketId: '99' }
  await commit({
    trades: [refused, tradeRow({ ...good, transactionHash: '0x1' })],
    activities: [activityRow({ ...split, transactionHash: '0x3' }), activityRow({ ...elsewhere, transactionHash: '0x4' })], // prettier-ignore
  })
  expect(await wrongPositions(database.pool, { trades: [good], activities: [split] })).toEqual([])
  const { rows } = await database.pool.query('select reason from dead_letters order by reason')
  expect(rows).toEqual([{ reason: 'refused_row' }, { reason: 'unknown_market' }])
})
