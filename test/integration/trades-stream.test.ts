import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { reprocess } from '../../src/activities/reprocess.ts'
import { createFillChannel } from '../../src/cache/fill-channel.ts'
import type { FillNews } from '../../src/domain/fill.ts'
import { createAppender } from '../../src/stream/append.ts'
import { dataTradeText, walletOf } from '../support/data-trades.ts'
import { listenToFills } from '../support/fill-messages.ts'
import { createFlow, gammaText, signing, tokensOf } from '../support/normalizer-flow.ts'
import { committed, until, type RunningShard } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'
import { countFills, tradeKey, tradeText, type TradeShape } from '../support/trades.ts'

const { database, redis, server, start, tables } = await openStores()

const rowsOf = async (sql: string, values: unknown[] = []) => (await database.pool.query<Record<string, unknown>>(sql, values)).rows // prettier-ignore
const tokenOf = (marketId: string): string => tokensOf(marketId)[0] ?? ''
const shape = (hash: string, size: string, side = 'BUY'): TradeShape => ({ price: '0.5', size, side, hash, timeMs: Date.now() - 30_000 }) // prettier-ignore

test('what the stream holds that is no trade of a known token is a dead letter; the rest of it is applied', async () => {
  await using _shard = start()
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('31')])
  await committed(tables(), 'markets')
  const good = shape('0x1', '5')
  const early = dataTradeText(tokenOf('31'), { ...good, timeMs: Date.now() + 3 * 86_400_000 }, 0)
  await flow.trades([
    ['data_trade', '{'],
    ['data_trade', early],
    ['data_trade', dataTradeText(tokenOf('32'), good, 0)],
    ['websocket', tradeText(tokenOf('31'), good)],
    ['data_trade', dataTradeText(tokenOf('31'), good, 0)],
  ])
  await committed(tables(), 'trades')
  const letters = await rowsOf("select reason, raw from dead_letters where stream = 'trades' order by reason")
  expect(letters.map(({ reason }) => reason)).toEqual(['bad_message', 'bad_message', 'misrouted', 'unknown_token']) // prettier-ignore
  expect(letters.find(({ reason }) => reason === 'unknown_token')?.['raw']).toBe(dataTradeText(tokenOf('32'), good, 0))
  expect(await rowsOf('select market_id, tx_hash from fills')).toEqual([{ market_id: '31', tx_hash: '0x1' }])
})

test('a trade that came before its market is applied by `reprocess` once the market is known, and only then', async () => {
  await using _shard = start()
  const flow = createFlow(redis)
  await flow.trades([['data_trade', dataTradeText(tokenOf('33'), shape('0x33', '5'), 0)]])
  await committed(tables(), 'trades')
  const again = async () => {
    const appender = createAppender({ redis, signing, shardCount: 1 })
    const chosen = { reason: 'unknown_token', stream: 'trades', sinceTimeMs: undefined, limit: 1_000 }
    const how = { isDryRun: false, isTrusted: false, waitMs: 60_000 }
    const results = await reprocess({ pool: database.pool, appender, signing }, { ...chosen, ...how })
    return results.filter(({ letter }) => letter.raw.includes(tokenOf('33'))).map(({ result, detail }) => ({ result, detail })) // prettier-ignore
  }
  const detail = `token "${tokenOf('33')}" is no outcome of a known market`
  expect(await again()).toEqual([{ result: 'rejected', detail }])
  await flow.catalogue([gammaText('33')])
  await committed(tables(), 'markets')
  expect(await again()).toEqual([{ result: 'applied', detail: 'fill buy 5 of 33:0 at 0.5' }])
  expect(await again()).toEqual([])
  expect(await rowsOf("select source, status, wallet from fills where market_id = '33'")).toEqual([
    { source: 'data_api', status: 'confirmed', wallet: walletOf(shape('0x33', '5')) },
  ])
})

test('what the stream `markets` was told first is known to the trades, however much there is of it', async () => {
  const flow = createFlow(redis)
  const marketIds = Array.from({ length: 250 }, (_, at) => String(34_000 + at))
  for (const marketId of marketIds) await flow.catalogue([gammaText(marketId)])
  const trade = shape('0x34', '5')
  await flow.trades(marketIds.map((marketId) => ['data_trade', dataTradeText(tokenOf(marketId), trade, 0)]))
  await using _shard = start()
  await committed(tables(), 'trades')
  await committed(tables(), 'markets')
  const left = await rowsOf("select raw from dead_letters where stream = 'trades' and raw like $1", ['%0x34%']) // prettier-ignore
  expect(left).toEqual([])
  expect(await rowsOf("select 1 from fills where tx_hash = '0x34'")).toHaveLength(250)
})

test('the channel `fills` says once that a fill is new, and once that it is confirmed and whose it is', async () => {
  await using _shard = start()
  const messages = await listenToFills(server)
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('35')])
  await flow.books('35')
  const [told, missed] = [shape('0x351', '5'), shape('0x352', '7', 'SELL')]
  for (let copy = 0; copy < 2; copy++) {
    await createFlow(redis).append('35', [['websocket', tradeText(tokenOf('35'), told)]])
    await committed(tables(), 'orderbook:35')
  }
  for (let copy = 0; copy < 2; copy++) {
    await flow.trades([told, missed].map((one) => ['data_trade', dataTradeText(tokenOf('35'), one, 0)]))
    await committed(tables(), 'trades')
  }
  await until('three messages', () => messages.length >= 3)
  const [first, ...others] = messages
  const [row] = await rowsOf("select fill_id::text, (extract(epoch from captured_at) * 1000)::bigint::text as captured_at from fills where tx_hash = '0x351'") // prettier-ignore
  const fixed = { market_id: '35', outcome_id: '35:0', side: 'buy', price: '0.5', size: '5', tx_hash: '0x351', ordinal: 0, ...row } // prettier-ignore
  expect(first).toEqual({ ...fixed, wallet: '', source: 'market_channel', status: 'provisional', source_ts: String(told.timeMs) }) // prettier-ignore
  expect(others).toHaveLength(2)
  expect(others).toContainEqual({ ...fixed, wallet: walletOf(told), source: 'both', status: 'confirmed', source_ts: String(told.timeMs) }) // prettier-ignore
  expect(others).toContainEqual(expect.objectContaining({ tx_hash: '0x352', side: 'sell', source: 'data_api', status: 'confirmed', wallet: walletOf(missed) })) // prettier-ignore
})

test('a trade that Postgres refuses costs itself alone', async () => {
  await using shard = start()
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('36')])
  await committed(tables(), 'markets')
  await database.pool.query('alter table fills add constraint unforeseen check (size <> 13) not valid')
  const sizes = ['1', '13', '2']
  await flow.trades([
    ...sizes.map((size): ['data_trade', string] => [
      'data_trade',
      dataTradeText(tokenOf('36'), shape('0x36', size), 0),
    ]),
    ['data_trade', dataTradeText(tokenOf('37'), shape('0x36', '1'), 0)],
  ])
  await committed(tables(), 'trades')
  await database.pool.query('alter table fills drop constraint unforeseen')
  expect(await rowsOf("select size::float8 from fills where market_id = '36' order by 1")).toEqual([{ size: 1 }, { size: 2 }]) // prettier-ignore
  const letters = await rowsOf("select reason from dead_letters where raw like $1 or raw like $2 order by 1", [`%${tokenOf('36')}%`, `%${tokenOf('37')}%`]) // prettier-ignore
  expect(letters.map(({ reason }) => reason)).toEqual(['refused_row', 'unknown_token'])
  expect(shard.stats.read()).toMatchObject({ rowsRefused: 1, deadLetters: 1 })
})

/** Numbers as random as they need to be, the same in each run. */
const createRandom = (seed: number) => (limit: number) => {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
  return Math.floor((seed / 2 ** 31) * limit)
}

test('with both sources in any order over two shards that are taken over again and again, fills are the union of both', async () => {
  const random = createRandom(11)
  const marketIds = ['41', '42', '43', '44']
  const flow = createFlow(redis, 2)
  await flow.catalogue(marketIds.map((marketId) => gammaText(marketId)))
  for (const marketId of marketIds) await flow.books(marketId)
  const all = Array.from({ length: 300 }, () => ({
    marketId: marketIds[random(4)] ?? '',
    trade: shape(`0xf${random(40)}`, String(1 + random(3)), random(2) === 0 ? 'BUY' : 'SELL'),
  }))
  const shards: RunningShard[] = [start(0, 2), start(1, 2)]
  const socket: typeof all = []
  const scans: (typeof all)[] = []
  for (let at = 0; at < all.length; at += 15) {
    const part = all.slice(at, at + 15)
    // Told by the market channel, but for those that it misses.
    const bySocket = part.filter(() => random(5) > 0)
    for (const { marketId, trade } of bySocket) await flow.append(marketId, [['websocket', tradeText(tokenOf(marketId), trade)]]) // prettier-ignore
    socket.push(...bySocket)
    // A scan of the newest, in which some are not seen yet; the next ones see them again.
    const seen = all.slice(Math.max(0, at - 30), at + 15).filter(() => random(6) > 0)
    const counts = new Map<string, number>()
    const texts = seen.map(({ marketId, trade }) => {
      const key = `${marketId} ${tradeKey(trade)}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
      return dataTradeText(tokenOf(marketId), trade, (counts.get(key) ?? 1) - 1)
    })
    await flow.trades(texts.toReversed().map((text) => ['data_trade', text]))
    scans.push(seen)
    // Whoever has the shard now is as good as killed: nothing that it has not committed counts.
    if (random(3) === 0) shards.push(start(random(2), 2))
  }
  for (const stream of ['trades', ...marketIds.map((marketId) => `orderbook:${marketId}`)]) await committed(tables(), stream) // prettier-ignore
  for (const marketId of marketIds) {
    const mine = (part: typeof all) => part.filter((one) => one.marketId === marketId).map(({ trade }) => trade)
    const socketCounts = countFills(mine(socket).map((one) => ({ shape: one, epoch: 'a' })))
    const scanned = scans.flatMap((scan, at) => mine(scan).map((one) => ({ shape: one, epoch: String(at) })))
    const scanCounts = countFills(scanned)
    const expected = [...new Set([...socketCounts.keys(), ...scanCounts.keys()])].map((key) => {
      const [bySocket, byScan] = [socketCounts.get(key) ?? 0, scanCounts.get(key) ?? 0]
      return { key, count: Math.max(bySocket, byScan), confirmed: byScan, both: Math.min(bySocket, byScan) }
    })
    const found = await rowsOf(
      `select concat_ws(' ', tx_hash, side, price::float8, size::float8) as key, count(*)::int as count,
        count(*) filter (where status = 'confirmed' and wallet is not null)::int as confirmed, count(*) filter (where source = 'both')::int as both
       from fills where market_id = $1 group by 1`,
      [marketId],
    )
    const byKey = (rows: Record<string, unknown>[]) => rows.toSorted((left, right) => String(left['key']).localeCompare(String(right['key']))) // prettier-ignore
    expect(byKey(found)).toEqual(byKey(expected))
  }
  expect(shards.length).toBeGreaterThan(4)
  await Promise.all(shards.map((shard) => shard.stop()))
})

test('while Redis is away what could not be said is counted, and what waits is bounded', async () => {
  const away = new Redis(1, { maxRetriesPerRequest: 1, retryStrategy: () => 20 })
  away.on('error', () => undefined)
  onTestFinished(() => away.disconnect())
  const publish = createFillChannel(away)
  const one: FillNews = { fillId: '1', marketId: '1', outcomeId: '1:0', side: 'buy', priceText: '0.5', sizeText: '1', transactionHash: undefined, ordinal: 0, wallet: undefined, source: 'market_channel', status: 'provisional', exchangeTimeMs: 0, capturedTimeMs: 0 } // prettier-ignore
  const waiting = publish(Array.from({ length: 10_000 }, () => one))
  expect(await publish([one, one])).toBe(2)
  expect(away.status).not.toBe('ready')
  expect(await waiting).toBe(10_000)
})
