import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Emulator } from '../../src/emulator/emulator.ts'
import { rebuildPositions } from '../../src/store/position-rebuild.ts'
import { createTracking } from '../../src/store/positions.ts'
import { expectPositions } from '../support/expect-positions.ts'
import { createFlow } from '../support/normalizer-flow.ts'
import { committed, startShard, until } from '../support/normalizer-shard.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'
import { openTradesBench, trade } from './trades-support.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(async () => database[Symbol.asyncDispose]())

type Bench = Awaited<ReturnType<typeof openTradesBench>>

const marketIdsOf = (emulator: Emulator): string[] => emulator.catalogue.markets.map(({ marketId }) => marketId)

/** What the catalogue says of the markets now, into the stream as discovery would. */
const publish = async ({ emulator, redis }: Bench, marketIds: string[]): Promise<void> => {
  const texts = marketIds.map(async (id) => (await fetch(`${emulator.urls.gamma}/markets/${id}`)).text())
  await createFlow(redis).catalogue(await Promise.all(texts))
  await committed({ redis, pool: database.pool }, 'markets')
}

/** The positions become those of the ledger, and a rebuild finds nothing to change. */
const expectLedger = async ({ emulator }: Bench, tracked?: string[]): Promise<void> => {
  const { trades, activities } = emulator.ledger()
  const truth = { trades, activities: tracked === undefined ? [] : activities, ...(tracked && { tracked }) }
  await expectPositions(database.pool, truth)
  const options = { wallets: [], isTracked: createTracking(tracked ?? []), isDryRun: true }
  for await (const { differences } of rebuildPositions(database.pool, options)) expect(differences).toEqual([])
}

const clear = () => database.pool.query('truncate fills, positions, wallet_activities, markets, outcomes cascade')

test('the positions of the venue’s 1,000 wallets are those of its own books, while its fills come late, repeated, equal and many a transaction', async () => {
  await clear()
  const tradeFaults = { lateMs: 3_000, repeatShare: 0.3, equalShare: 0.4, sweepShare: 0.4, dataMissShare: 0.05 }
  await using bench = await openTradesBench({ tradeFaults, activityShare: 0 }, { TRADES_SWEEP_MS: '500' })
  const { emulator, server } = bench
  await using _shard = startShard({ redisUrl: server.url, databaseUrl: database.url })
  await publish(bench, marketIdsOf(emulator))
  await bench.record(marketIdsOf(emulator))
  const attempt = bench.start()
  await trade(emulator, 5_000, 10)
  const wallets = new Set(emulator.ledger().trades.map(({ wallet }) => wallet))
  expect(wallets.size).toBeGreaterThan(700)
  const [marketId = ''] = marketIdsOf(emulator)
  emulator.resolve({ marketId, winner: 1, told: true, listed: true })
  await publish(bench, [marketId])
  await expectLedger(bench)
  const { rows } = await database.pool.query<{ count: string }>('select count(*) from positions where payout = 1')
  expect(Number(rows[0]?.count)).toBeGreaterThan(100)
  await attempt.stop()
})

test('of tracked wallets splits and merges count too, redemptions change nothing that the resolution has not paid, and nobody else has a position', async () => {
  await clear()
  const venue = { walletCount: 12, activityShare: 0.3, seed: 5, tradeFaults: { lateMs: 1_000 } }
  const wallets = await (async () => {
    await using rehearsal = await openTradesBench(venue)
    await trade(rehearsal.emulator, 400, 0)
    return [...new Set(rehearsal.emulator.ledger().activities.map(({ wallet }) => wallet))]
  })()
  const tracked = wallets.slice(0, 5)
  const variables = { TRACKED_WALLETS: tracked.join(','), ACTIVITY_POLL_MS: '100', TRADES_SWEEP_MS: '500' }
  await using bench = await openTradesBench(venue, variables)
  const { emulator, server } = bench
  await using _shard = startShard({ redisUrl: server.url, databaseUrl: database.url }, 0, variables)
  await publish(bench, marketIdsOf(emulator))
  await bench.record(marketIdsOf(emulator))
  const attempt = bench.start()
  await trade(emulator, 400, 5)
  const [marketId = ''] = marketIdsOf(emulator)
  emulator.resolve({ marketId, winner: 0, told: true, listed: true })
  await publish(bench, [marketId])
  await expectLedger(bench, tracked)
  const types = async (): Promise<string[]> =>
    (await database.pool.query<{ type: string }>('select distinct type from wallet_activities order by 1')).rows.map(({ type }) => type) // prettier-ignore
  await until('redemptions are kept too', async () => (await types()).join() === 'merge,redeem,split')
  await expectLedger(bench, tracked)
  await attempt.stop()
})
