import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTracking } from '../../src/store/positions.ts'
import { rebuildPositions, type PositionDifference } from '../../src/store/position-rebuild.ts'
import {
  wrongPositions,
  type ActivityTruth,
  type PositionsTruth,
  type TradeTruth,
} from '../support/expect-positions.ts'
import { tokensOf } from '../support/normalizer-flow.ts'
import { activityRow, openCommits, tradeRow } from '../support/position-commits.ts'
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

const rebuild = async (isDryRun: boolean, wallets: string[] = [], tracked: string[] = []) => {
  const differences: PositionDifference[] = []
  const options = { wallets, isTracked: createTracking(tracked), isDryRun }
  for await (const part of rebuildPositions(database.pool, options)) differences.push(...part.differences)
  return differences
}

const MARKETS = ['71', '72']
const START_MS = 1_790_000_000_000
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
      expect(await rebuild(true)).toEqual([])
    }),
    { numRuns: 20 },
  )
})
