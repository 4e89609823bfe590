import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createMarking } from '../../src/activities/position-marks.ts'
import { createStats } from '../../src/lib/stats.ts'
import { wrongPositions } from '../support/expect-positions.ts'
import { dataTradeText } from '../support/data-trades.ts'
import { createFlow, gammaText, tokensOf } from '../support/normalizer-flow.ts'
import { committed, startShard, until } from '../support/normalizer-shard.ts'
import { levelKey } from '../support/normalizer-rows.ts'
import { openStores } from '../support/normalizer-stores.ts'
import { createPositionLedger } from '../support/position-ledger.ts'

const { database, redis, addresses, start, tables } = await openStores()

const CHILD = join(import.meta.dirname, '../support/normalizer-child.ts')
const CLI = join(import.meta.dirname, '../../src/cli/positions.ts')

const spawnShard = () =>
  spawn(process.execPath, ['--import', 'tsx', CHILD, addresses.redisUrl, addresses.databaseUrl], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })

const positions = (...args: string[]): Promise<{ code: number; out: string; error: string }> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', DATABASE_URL: database.url }
    execFile(process.execPath, ['--import', 'tsx', CLI, ...args], { env }, (error, out, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, error: stderr }),
    )
  })

const countMoves = async (): Promise<number> =>
  Number((await database.pool.query<{ moves: string }>('select coalesce(sum(moves), 0) as moves from positions')).rows[0]?.moves) // prettier-ignore

const payoutsOf = (marketId: string, yes: string, no: string): string =>
  gammaText(marketId, {
    closed: true,
    outcomePrices: JSON.stringify([yes, no]),
    umaResolutionStatus: 'resolved',
    closedTime: '2026-11-26 12:00:00+00',
  })

test('1,000 wallets whose fills and activities come late, twice and out of order, through kill -9: positions are those of the ledger, and a rebuild changes nothing', async () => {
  const marketIds = ['41', '42', '43']
  const flow = createFlow(redis)
  await flow.catalogue(marketIds.map((marketId) => gammaText(marketId)))
  const { truth, told } = createPositionLedger({ seed: 7, walletCount: 1_000, tradeCount: 1_800, marketIds })
  const append = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at += 25)
      await flow.trades(told.slice(at, Math.min(at + 25, to)).map(({ kind, text }) => [kind, text]))
  }
  const third = Math.floor(told.length / 3)
  for (let round = 0; round < 2; round++) {
    const child = spawnShard()
    const before = await countMoves()
    const appending = append(round * third, (round + 1) * third)
    await until('moves of this run are committed', async () => (await countMoves()) > before + 300)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await appending
    if (round === 0) await flow.catalogue([payoutsOf('41', '1', '0')])
  }
  await using _shard = start()
  await append(2 * third, told.length)
  await flow.catalogue([payoutsOf('42', '0.5', '0.5')])
  await committed(tables(), 'trades')
  await committed(tables(), 'markets')
  expect(await wrongPositions(database.pool, truth)).toEqual([])
  expect(new Set(truth.trades.map(({ wallet }) => wallet)).size).toBe(1_000)
  expect(await positions('rebuild', '--dry-run')).toEqual({ code: 0, error: '', out: expect.stringMatching(/^1000 wallets: 0 positions differ from/) }) // prettier-ignore
  const someone = truth.trades[0]?.wallet ?? ''
  await database.pool.query('update positions set held = held + 1 where user_id = $1', [someone])
  const dry = await positions('rebuild', '--dry-run', '--wallet', someone)
  expect(dry).toMatchObject({ code: 1, out: expect.stringContaining(`${someone}  4`) })
  expect((await positions('rebuild', '--wallet', someone)).out).toMatch(
    /^1 wallet: \d positions? (was|were) put right$/m,
  )
  expect(await wrongPositions(database.pool, truth)).toEqual([])
  expect(await positions('repair')).toMatchObject({
    code: 2,
    error: expect.stringContaining('usage: npm run positions'),
  })
})

test('a wallet that is tracked no more has no position after the next start, so that none is wrong when it is tracked again', async () => {
  const [kept = '', gone = ''] = ['6', '7'].map((digit) => `0x${digit.repeat(40)}`)
  const flow = createFlow(redis)
  const fill = (wallet: string, hash: string) => {
    const shape = { price: '0.3', size: '10', side: 'BUY', hash, timeMs: Date.now() - 5_000 }
    return flow.trades([['data_trade', dataTradeText(tokensOf('61')[0] ?? '', shape, 0, wallet)]])
  }
  const held = async (): Promise<[string, number][]> =>
    (
      await database.pool.query<{ user_id: string; qty: string }>(
        "select user_id, qty from positions where outcome_id = '61:0' order by user_id",
      )
    ).rows.map(({ user_id, qty }) => [user_id, Number(qty)])
  {
    await using _everybody = start()
    await flow.catalogue([gammaText('61')])
    await committed(tables(), 'markets')
    await fill(kept, '0x61')
    await fill(gone, '0x62')
    await committed(tables(), 'trades')
  }
  expect(await held()).toEqual([[kept, 10], [gone, 10]]) // prettier-ignore
  {
    await using _one = startShard(addresses, 0, { TRACKED_WALLETS: kept })
    await until('only the tracked one is there', async () => (await held()).length === 1)
    await fill(gone, '0x63')
    await committed(tables(), 'trades')
    expect(await held()).toEqual([[kept, 10]])
  }
  await using _everybody = start()
  await fill(gone, '0x64')
  await committed(tables(), 'trades')
  expect(await held()).toEqual([[kept, 10], [gone, 30]]) // prettier-ignore
})

type Marked = { mark_state: string; mark: number | null; unrealised: number | null }

test('an open position is marked to the mid of its own outcome, and says why where there is none', async () => {
  await using _shard = startShard(addresses, 0, { MARK_POSITIONS_EVERY_MS: '200' })
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('51')])
  await committed(tables(), 'markets')
  const [yes = '', no = ''] = tokensOf('51')
  const buy = (token: string, hash: string) =>
    dataTradeText(token, { price: '0.3', size: '10', side: 'BUY', hash, timeMs: Date.now() - 5_000 }, 0)
  await flow.trades([['data_trade', buy(yes, '0x51')], ['data_trade', buy(no, '0x52')]]) // prettier-ignore
  const marks = async (): Promise<Marked[]> =>
    (
      await database.pool.query<Marked>(
        `select mark_state, mark_price::float8 as mark, unrealised_pnl::float8 as unrealised from positions
         where outcome_id like '51:%' order by outcome_id`,
      )
    ).rows
  const become = (what: string, expected: Marked[]): Promise<void> =>
    until(what, async () => JSON.stringify(await marks()) === JSON.stringify(expected))
  const none = (mark_state: string): Marked => ({ mark_state, mark: null, unrealised: null })
  await become('no book: not live', [none('not_live'), none('not_live')])
  await flow.books('51')
  await become('empty books: one sided', [none('one_sided'), none('one_sided')])
  flow.levels('51:0').set(levelKey('bid', '0.3'), '5').set(levelKey('ask', '0.45'), '5')
  flow.levels('51:1').set(levelKey('bid', '0.5'), '5')
  await flow.books('51')
  await become('the mid of each', [{ mark_state: 'mid', mark: 0.375, unrealised: 0.75 }, none('one_sided')])
  await flow.gap('51', 'overflow')
  await become('a gap', [none('gap'), none('gap')])
  await flow.books('51')
  await become('the mid again', [{ mark_state: 'mid', mark: 0.375, unrealised: 0.75 }, none('one_sided')])
})

test('however few outcomes a pass of the marks takes, all are reached in turn, and again', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('81'), gammaText('82')])
  await using shard = start()
  await flow.trades(['81', '82'].flatMap((marketId) => tokensOf(marketId)).map((token, at) => ['data_trade', dataTradeText(token, { price: '0.3', size: '10', side: 'BUY', hash: `0x9${at}`, timeMs: Date.now() - 5_000 }, 0)])) // prettier-ignore
  await committed(tables(), 'trades')
  await shard.stop()
  const mark = createMarking({ pool: database.pool, redis, stats: createStats() }, 3)
  const isMarked = async (): Promise<boolean[]> =>
    (await database.pool.query<{ is_marked: boolean }>("select mark_state is not null as is_marked from positions where outcome_id like '8_:%'")).rows.map((row) => row.is_marked) // prettier-ignore
  const { rows } = await database.pool.query(
    'select distinct outcome_id from positions where payout is null and held > 0',
  )
  for (let round = 0; round < 2; round++) {
    await database.pool.query('update positions set mark_price = null, mark_state = null')
    for (let pass = 0; pass <= rows.length / 3; pass++) await mark()
    expect(await isMarked()).toEqual([true, true, true, true])
  }
})
