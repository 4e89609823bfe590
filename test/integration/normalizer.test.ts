import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createFlow, gammaText, signing, tokensOf } from '../support/normalizer-flow.ts'
import { committed, expectExact, readRows, until } from '../support/normalizer-shard.ts'
import { encodeEntry } from '../../src/stream/entry.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, start, tables } = await openStores()

/** The cache is written beside the commit. */
const SHOWN = { timeout: 60_000 }

const rowsOfQuery = async (sql: string, values: unknown[]): Promise<Record<string, unknown>[]> =>
  (await database.pool.query<Record<string, unknown>>(sql, values)).rows

const deadLetters = (marketId: string) =>
  rowsOfQuery('select reason, raw from dead_letters where stream = $1 order by entry_id, ordinal', [`orderbook:${marketId}`]) // prettier-ignore
const gaps = (outcomeId: string) =>
  rowsOfQuery('select reason, first_good_sequence from feed_gaps where outcome_id = $1 order by gap_sequence', [outcomeId]) // prettier-ignore

test('a market that is not known yet waits in its stream and flows, row by row once, when its catalogue entry comes', async () => {
  await using shard = start()
  const flow = createFlow(redis)
  await flow.books('11')
  await flow.changes('11', 60)
  await until('the stream is parked', () => shard.stats.read()['parkedStreams'] === 1)
  expect(await readRows(database.pool, '11:0')).toEqual([])
  await flow.catalogue([gammaText('11')])
  await flow.changes('11', 60)
  const rows = await expectExact(tables(), flow, '11')
  expect(rows.flat().length).toBeGreaterThan(60)
  const sequence = String(rows[0]?.at(-1)?.sequence)
  await expect.poll(() => redis.hgetall('quote:11'), SHOWN).toMatchObject({ state: 'live', sequence })
})

test('bad frames are counted dead letters with their raw text, and the market goes on', async () => {
  await using shard = start()
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('12'), gammaText('13')])
  await flow.books('12')
  await flow.books('13')
  const change = { price: '0.5', size: '1', side: 'BUY', hash: 'h' }
  const message = (fields: object, element: object) =>
    JSON.stringify({ event_type: 'price_change', market: '0x1', timestamp: String(Date.now()), price_changes: [{ asset_id: tokensOf('12')[0], ...change, ...element }], ...fields }) // prettier-ignore
  const bad: [string, string][] = [
    ['bad_message', 'NUL \0 and 😀'],
    ['bad_message', '{"event_type":"price_change"'],
    ['bad_message', message({}, { price: '1e400' })],
    ['bad_message', message({}, { price: '\0\ud800' })],
    ['bad_message', message({ timestamp: '999999999999999' }, {})],
    ['unknown_event', '{"event_type":"\\ud800\\u0000"}'],
    ['unknown_token', message({}, { asset_id: '\ud83d' })],
  ]
  for (const [, text] of bad) await flow.append('12', [['websocket', text]])
  await flow.books('12', 'rest')
  await flow.changes('12', 10)
  await flow.changes('13', 10)
  await expectExact(tables(), flow, '12')
  await expectExact(tables(), flow, '13')
  const kept = bad.map(([reason, raw]) => ({ reason, raw: raw.replaceAll('\0', '\\u0000') }))
  expect(await deadLetters('12')).toEqual(kept)
  expect(shard.stats.read()['deadLetters']).toBe(bad.length)
})

test('an absurd market or a stolen token in the catalogue is refused without holding up the next one', async () => {
  await using _shard = start()
  const flow = createFlow(redis)
  const absurd = [
    gammaText('14', { orderMinSize: '9'.repeat(40) }),
    gammaText('14', { takerBaseFee: 1e300 }),
    gammaText('14', { endDate: '+200000-01-01T00:00:00Z' }),
    gammaText('14', { clobTokenIds: '["5","5"]' }),
  ]
  await flow.catalogue([...absurd, gammaText('15', { slug: 'nul \0', question: '\ud800' }), gammaText('16', { clobTokenIds: JSON.stringify(tokensOf('15')) })]) // prettier-ignore
  await flow.books('15')
  await flow.changes('15', 5)
  await expectExact(tables(), flow, '15')
  const sql = "select raw from dead_letters where stream = 'markets' and reason = 'bad_catalogue'"
  expect((await rowsOfQuery(sql, [])).length).toBe(absurd.length)
})

test('an entry with a bad signature is a dead letter and a gap, which a REST book closes; its neighbours go on', async () => {
  await using _shard = start()
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('17'), gammaText('18')])
  for (const marketId of ['17', '18']) await flow.books(marketId)
  await flow.changes('17', 20)
  const forged = encodeEntry(flow.entry('17', '{"forged":true}'), { ...signing, keys: new Map([['test', 'another one']]) }) // prettier-ignore
  await redis.xadd('orderbook:17', '*', ...forged)
  await flow.changes('17', 20)
  await flow.changes('18', 20)
  await expectExact(tables(), flow, '18')
  await committed(tables(), 'orderbook:17')
  expect(await gaps('17:0')).toEqual([{ reason: 'bad_signature', first_good_sequence: null }])
  await expect.poll(() => redis.hget('quote:17', 'state'), SHOWN).toBe('unverified')
  await flow.books('17', 'rest')
  const [rows = []] = await expectExact(tables(), flow, '17')
  const snapshot = rows.find((row) => row.kind === 'snapshot' && row.sequence > 1)
  expect(await gaps('17:0')).toEqual([{ reason: 'bad_signature', first_good_sequence: String(snapshot?.sequence) }])
  const letters = await deadLetters('17')
  expect(letters).toMatchObject([{ reason: 'bad_signature' }])
  expect(String(letters[0]?.['raw'])).toContain('forged')
})

test('equal fills of one transaction are all kept and numbered, across batches and restarts, with or without a hash', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('19')])
  await flow.books('19')
  const fills = async () => {
    const sql = "select tx_hash, ordinal from fills where market_id = '19' order by tx_hash nulls first, ordinal"
    return (await rowsOfQuery(sql, [])).map((row) => [row['tx_hash'], row['ordinal']])
  }
  for (let round = 0; round < 3; round++) {
    await using _shard = start()
    const count = round === 0 ? 2 : 1
    for (let at = 0; at < count; at++) await flow.trade('19', '0xaa')
    await flow.trade('19', undefined)
    await committed(tables(), 'orderbook:19')
  }
  expect(await fills()).toEqual([[null, 0], [null, 1], [null, 2], ['0xaa', 0], ['0xaa', 1], ['0xaa', 2], ['0xaa', 3]]) // prettier-ignore
})

test('streams are trimmed behind the last checkpoint, and a restart after the trim rebuilds the same books', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('20')])
  await flow.books('20')
  {
    await using _shard = start()
    for (let round = 0; round < 4; round++) {
      await flow.changes('20', 100)
      await committed(tables(), 'orderbook:20')
    }
    await until('old entries are gone', async () => (await redis.xlen('orderbook:20')) < 60)
    await flow.changes('20', 7)
    await expectExact(tables(), flow, '20')
  }
  await using shard = start()
  await flow.changes('20', 33)
  const [rows = []] = await expectExact(tables(), flow, '20')
  expect(rows.filter((row) => row.kind !== 'change')).toHaveLength(1)
  expect(shard.stats.read()['gaps'] ?? 0).toBe(0)
})

test('a stream whose entries after the checkpoint are gone is a gap, from which sequences go on', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('21')])
  await flow.books('21')
  {
    await using _shard = start()
    await flow.changes('21', 20)
    await committed(tables(), 'orderbook:21')
    await flow.changes('21', 15)
    await expectExact(tables(), flow, '21')
  }
  const endMs = Date.now()
  await redis.del('orderbook:21')
  await sleep(1_000)
  await using _shard = start()
  await flow.changes('21', 5)
  await flow.books('21', 'rest')
  const [rows = []] = await expectExact(tables(), flow, '21')
  expect(rows.filter((row) => row.kind === 'gap')).toHaveLength(1)
  expect(await gaps('21:0')).toMatchObject([{ reason: 'stream_loss' }])
  const sql = 'select state from book_state_at($1, $2)'
  const { rows: states } = await database.pool.query<{ state: string }>(sql, ['21:0', new Date(endMs + 500)])
  expect(states, 'while nobody recorded').toEqual([{ state: 'in_gap' }])
})

test('a stopped market has no ladders and no quote; a paused one keeps them and says so', async () => {
  await using _shard = start()
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('22'), gammaText('23')])
  for (const marketId of ['22', '23']) await flow.books(marketId)
  for (const marketId of ['22', '23']) await flow.changes(marketId, 30)
  await expectExact(tables(), flow, '22')
  await expectExact(tables(), flow, '23')
  await flow.gap('22', 'stopped')
  await flow.gap('23', 'paused')
  await committed(tables(), 'orderbook:22')
  await committed(tables(), 'orderbook:23')
  const stopped = { state: 'stopped', bid_price: '', ask_price: '' }
  await expect.poll(() => redis.hgetall('quote:22'), SHOWN).toMatchObject(stopped)
  expect(await redis.keys('ladder:22:*')).toEqual([])
  await expect.poll(() => redis.hget('quote:23', 'state'), SHOWN).toBe('paused')
  expect((await redis.keys('ladder:23:*')).length).toBeGreaterThan(0)
})
