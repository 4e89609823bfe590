import { expect, test } from 'vitest'
import { createFlow, gammaText, tokensOf } from '../support/normalizer-flow.ts'
import { committed, expectExact, readRows, until } from '../support/normalizer-shard.ts'
import { tradeText } from '../support/trades.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, start, tables } = await openStores()

const rowsOf = async (sql: string, values: unknown[] = []) => (await database.pool.query<Record<string, unknown>>(sql, values)).rows // prettier-ignore
const refused = (marketId: string) => rowsOf("select detail, raw from dead_letters where stream = $1 and reason = 'refused_row' order by dead_letter_id", [`orderbook:${marketId}`]) // prettier-ignore

/** A reason for which Postgres refuses rows and that nothing of ours checks. */
const constrain = async (table: string, check: string): Promise<AsyncDisposable> => {
  await database.pool.query(`alter table ${table} add constraint unforeseen check (${check}) not valid`)
  return { [Symbol.asyncDispose]: async () => void (await database.pool.query(`alter table ${table} drop constraint unforeseen`)) } // prettier-ignore
}

const ONE_EVENT = (outcomeId: string) => `kind = 'gap' or outcome_id <> '${outcomeId}' or sequence <> 12`

test('a book row that Postgres refuses is a dead letter and a gap of its outcome; the rest of the batch is committed', async () => {
  await using shard = start()
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('71'), gammaText('72')])
  for (const marketId of ['71', '72']) await flow.books(marketId)
  await committed(tables(), 'orderbook:72')
  {
    await using _constraint = await constrain('order_books', ONE_EVENT('71:0'))
    await Promise.all([flow.changes('72', 50), flow.changes('71', 80)])
    await committed(tables(), 'orderbook:71')
  }
  const [letter, ...others] = await refused('71')
  expect(others).toEqual([])
  expect(letter?.['detail']).toContain('unforeseen')
  expect(letter?.['raw']).toMatch(/^786432\t.*\t71\t71:0\t/)
  await until('the gap is told', () => (shard.stats.read()['gaps'] ?? 0) > 0)
  await flow.books('71', 'rest')
  await flow.changes('71', 10)
  const rows = await expectExact(tables(), flow, '71')
  await expectExact(tables(), flow, '72')
  const gapRows = rows[0]?.filter((row) => row.kind === 'gap') ?? []
  const gaps = await rowsOf("select reason, gap_sequence, closed_at is not null as is_closed from feed_gaps where outcome_id = '71:0' order by gap_sequence") // prettier-ignore
  expect(gaps).toEqual(gapRows.map((row) => ({ reason: 'refused_row', gap_sequence: String(row.sequence), is_closed: true }))) // prettier-ignore
  expect(gapRows.map((row) => row.sequence)[0]).toBe(12)
  expect(gapRows).toHaveLength(2)
  expect(await rowsOf("select 1 from feed_gaps where outcome_id like '72:%'")).toEqual([])
  expect(shard.stats.read()).toMatchObject({ rowsRefused: 1 })
})

test('a restart after a refused row knows of the gap, and goes on numbering equal trades', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('73')])
  await flow.books('73')
  {
    await using _constraint = await constrain('order_books', ONE_EVENT('73:0'))
    await using shard = start()
    await flow.changes('73', 80)
    for (let count = 0; count < 2; count++) await flow.trade('73', '0xee')
    await committed(tables(), 'orderbook:73')
    await shard.stop()
  }
  await using _shard = start()
  await until('the state is known', async () => (await redis.hget('quote:73', 'state')) === 'unverified')
  await flow.trade('73', '0xee')
  await flow.books('73', 'rest')
  await expectExact(tables(), flow, '73')
  expect(await rowsOf("select 1 from feed_gaps where outcome_id = '73:0' and closed_at is null")).toEqual([])
  const fills = await rowsOf("select ordinal from fills where market_id = '73' order by ordinal")
  expect(fills.map((row) => row['ordinal'])).toEqual([0, 1, 2])
})

test('refused fills, quotes, markets and checkpoints cost themselves alone', async () => {
  await using shard = start()
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('74')])
  await flow.books('74')
  await committed(tables(), 'orderbook:74')
  const fill = (size: string) => tradeText(tokensOf('74')[0] ?? '', { price: '0.5', size, side: 'BUY', hash: '0xcc', timeMs: Date.now() }) // prettier-ignore
  {
    await using _fills = await constrain('fills', 'size <> 13')
    await using _quotes = await constrain('quotes_live', "market_id <> '74'")
    await using _markets = await constrain('markets', "slug <> 'bad'")
    await using _checkpoints = await constrain('book_checkpoints', "market_id <> '74'")
    await flow.append('74', ['1', '13', '2'].map((size) => ['websocket', fill(size)])) // prettier-ignore
    await flow.catalogue([gammaText('75', { slug: 'bad' }), gammaText('76')])
    await flow.changes('74', 100)
    await committed(tables(), 'orderbook:74')
    await committed(tables(), 'markets')
  }
  expect((await rowsOf("select size from fills where market_id = '74' order by 1")).map((row) => Number(row['size']))).toEqual([1, 2]) // prettier-ignore
  expect(await rowsOf("select market_id from markets where market_id in ('75', '76')")).toEqual([{ market_id: '76' }])
  expect((await refused('75')).length).toBe(1)
  await flow.changes('74', 5)
  await expectExact(tables(), flow, '74')
  expect(await rowsOf("select 1 from feed_gaps where outcome_id like '74:%'")).toEqual([])
  expect(shard.stats.read()['rowsRefused']).toBeGreaterThan(3)
})

test('where every row of a market is refused, the tries are bounded, its neighbours lose nothing, and the shard goes on', async () => {
  await using shard = start()
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('77'), gammaText('78')])
  for (const marketId of ['77', '78']) await flow.books(marketId)
  await flow.changes('77', 20)
  await committed(tables(), 'orderbook:77')
  const before = await readRows(database.pool, '77:0')
  {
    // Nothing of 77 can be written any more.
    await using _constraint = await constrain('order_books', "market_id <> '77'")
    await Promise.all([flow.changes('77', 600), flow.changes('78', 600)])
    await committed(tables(), 'orderbook:77')
    await committed(tables(), 'orderbook:78')
  }
  expect(await readRows(database.pool, '77:0')).toEqual(before)
  await expectExact(tables(), flow, '78')
  await flow.books('77', 'rest')
  await until('77 is followed again', async () => (await redis.hget('quote:77', 'state')) === 'live')
  expect(shard.stats.read()['rowsRefused']).toBeGreaterThan(0)
})

test('one duplicate key does not drop the batch', async () => {
  await using shard = start()
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('79')])
  await flow.books('79')
  await flow.changes('79', 20)
  const [rows = []] = await expectExact(tables(), flow, '79')
  const next = (rows.at(-1)?.sequence ?? 0) + 1
  await database.pool.query("insert into feed_gaps (market_id, outcome_id, opened_at, detected_at, reason, last_good_sequence, gap_sequence, detail) values ('79', '79:0', now(), now(), 'overflow', 0, $1, 'is there already')", [next]) // prettier-ignore
  await flow.gap('79', 'overflow')
  await flow.changes('79', 20)
  await flow.books('79', 'rest')
  await flow.changes('79', 20)
  await expectExact(tables(), flow, '79')
  const [letter, ...others] = await refused('79')
  expect(others).toEqual([])
  expect(letter?.['detail']).toContain('feed_gaps: duplicate key value')
  expect(await rowsOf("select detail, closed_at is not null as is_closed from feed_gaps where market_id = '79' order by outcome_id")).toEqual([{ detail: 'is there already', is_closed: true }, { detail: 'd', is_closed: true }]) // prettier-ignore
  expect(shard.stats.read()['rowsRefused']).toBe(1)
})
