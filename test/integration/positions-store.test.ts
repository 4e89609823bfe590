import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openDatabase } from '../../src/cli/polytape/connections.ts'
import { newBatch } from '../../src/normalizer/batch.ts'
import { withClient } from '../../src/store/checkout.ts'
import { readMarkets, writeMarkets } from '../../src/store/markets.ts'
import { rebuildPositions } from '../../src/store/position-rebuild.ts'
import { lockAllWallets } from '../../src/store/position-rows.ts'
import { SETTLE } from '../../src/store/settlements.ts'
import { tokensOf } from '../support/normalizer-flow.ts'
import { until } from '../support/normalizer-shard.ts'
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

test('splits and merges of one transaction that differ in anything are a liquidity event each', async () => {
  const { commit, market } = await openCommits(database.pool)
  await market('71')
  const split = { wallet: '0xa', type: 'SPLIT', marketId: '71', size: '5', usdcSize: '5', outcomeIndex: 999, timestamp: String(START_MS), transactionHash: '0x51' } // prettier-ignore
  const all = [split, { ...split, size: '7', usdcSize: '7' }, { ...split, usdcSize: '6' }, { ...split, outcomeIndex: 0 }].map(activityRow) // prettier-ignore
  await commit({ activities: all })
  await commit({ activities: all })
  const { rows } = await database.pool.query(
    `select amount::float8 from liquidity_events where detail ->> 'transaction_hash' = '0x51' order by 1`,
  )
  expect(rows.map((row: { amount: number }) => row.amount)).toEqual([5, 5, 5, 7])
})

test('of trades whose positions Postgres refuses nothing is told on the channel of fills', async () => {
  const { commit, market } = await openCommits(database.pool)
  await market('71')
  await database.pool.query(`alter table positions add constraint unforeseen check (user_id <> '0xbad') not valid`)
  const batch = {
    ...newBatch(),
    trades: [tradeRow({ ...buy('0xbad'), transactionHash: '0x61' }), tradeRow({ ...buy('0xa'), transactionHash: '0x62' })], // prettier-ignore
  }
  try {
    await commit(batch)
  } finally {
    await database.pool.query('alter table positions drop constraint unforeseen')
  }
  const { rows } = await database.pool.query<{ tx_hash: string }>('select tx_hash from fills')
  expect(rows).toEqual([{ tx_hash: '0x62' }])
  expect(batch.news.map(({ transactionHash }) => transactionHash)).toEqual(['0x62'])
})

test('a catalogue that repeats what is known of a market does not hold up whoever writes positions of it, and its tokens can change', async () => {
  const { commit, market } = await openCommits(database.pool)
  await market('71')
  await market('72')
  const [first] = await readMarkets(database.pool, ['71'])
  if (first === undefined) throw new Error('expected the market 71')
  await withClient(database.pool, async (client) => {
    await client.query('begin')
    await writeMarkets(client, [first])
    await database.pool.query(`select from outcomes where market_id = '71' for key share nowait`)
    await client.query('rollback')
  })
  const outcomes = first.outcomes.map((outcome, at) => ({ ...outcome, token: at === 0 ? '99' : (tokensOf('72')[0] ?? '') })) // prettier-ignore
  await commit({ markets: new Map([['71', { ...first, outcomes }]]) })
  const { rows } = await database.pool.query<{ tokens: string }>(
    `select tokens from outcomes where market_id = '71' order by outcome_id`,
  )
  expect(rows.map((row) => row.tokens)).toEqual(['99', tokensOf('71')[1]])
})

/** Looks for deadlocks so late that the other one waits too by then. */
const openPatient = (connectionString: string) => {
  const client = new pg.Pool({ connectionString, options: '-c deadlock_timeout=8s' })
  return { client, [Symbol.asyncDispose]: () => client.end() }
}

test('a rebuild that Postgres breaks off, for it and a commit wait for each other, begins its hundred wallets again', async () => {
  const { commit, market } = await openCommits(database.pool)
  await market('71')
  await commit({ trades: [tradeRow({ ...buy('0xa'), transactionHash: '0x1' })] })
  await database.pool.query('update positions set held = 11')
  await using pool = openPatient(database.url)
  await withClient(database.pool, async (client) => {
    await client.query('begin')
    await client.query(`set local deadlock_timeout = '10min'`)
    await client.query('update positions set updated_at = now()')
    const rebuilding = rebuild(pool.client, false)
    await until('the rebuild waits for the row', async () => {
      const { rows } = await database.pool.query(
        `select from pg_locks l join pg_stat_activity a using (pid)
         where not l.granted and l.locktype = 'transactionid' and a.datname = current_database()`,
      )
      return rows.length > 0
    })
    await lockAllWallets(client)
    await client.query('commit')
    expect((await rebuilding).map(({ figure }) => figure)).toEqual(['held'])
  })
  expect(await rebuild(database.pool, true)).toEqual([])
})

test('a settlement finds the positions of a market by an index', async () => {
  await withClient(database.pool, async (client) => {
    await client.query('set enable_seqscan = off')
    const { rows } = await client.query<Record<string, string>>(`explain ${SETTLE}`, [['71']])
    await client.query('reset enable_seqscan')
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('positions_outcome')
  })
})

const MANY = `
insert into fills (market_id, outcome_id, side, price, size, tx_hash, ordinal, source, status, captured_at, source_ts, wallet,
  data_api_ts, confirmed_at)
select '71', '71:0', 'buy', 0.5, 1, '0x' || n, 0, 'data_api', 'confirmed', now(), at, wallet, at, now()
from (select n, to_timestamp(1790000000 + n) as at, case when n <= 50001 then '0xa' else '0xb' || n end as wallet
  from generate_series(1, 50003) n) g`

test('a rebuild takes few wallets at a time where they have many moves, and one with more than that by itself', async () => {
  const { market } = await openCommits(database.pool)
  await market('71')
  await database.pool.query(MANY)
  const parts = []
  for await (const part of rebuildPositions(database.pool, { wallets: [], isTracked: () => true, isDryRun: false })) {
    parts.push(part.walletCount)
  }
  expect(parts).toEqual([1, 2])
  const { rows } = await database.pool.query('select held::int from positions order by user_id')
  expect(rows).toEqual([{ held: 50_001 }, { held: 1 }, { held: 1 }])
})

test('a person waits 30 s for a statement, and for those of a rebuild as long as they take', async () => {
  const timeoutOf = async (...timeoutMs: number[]): Promise<unknown> => {
    await using opened = await openDatabase({ url: database.url, source: 'the test' }, ...timeoutMs)
    return (await opened.client.query<Record<string, string>>('show statement_timeout')).rows[0]?.['statement_timeout']
  }
  expect(await timeoutOf()).toBe('30s')
  expect(await timeoutOf(0)).toBe('0')
})
