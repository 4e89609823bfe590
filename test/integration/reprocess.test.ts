import { expect, test } from 'vitest'
import { reprocess, type ReprocessOptions, type ReprocessResult } from '../../src/activities/reprocess.ts'
import { UNROUTABLE_STREAM } from '../../src/domain/keys.ts'
import { createAppender, createEpoch } from '../../src/stream/append.ts'
import { encodeEntry, type SigningKeys } from '../../src/stream/entry.ts'
import { createFlow, gammaText, signing, tokensOf } from '../support/normalizer-flow.ts'
import { committed, expectExact } from '../support/normalizer-shard.ts'
import { tradeText } from '../support/trades.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, start, tables } = await openStores()

const rowsOf = async (sql: string, values: unknown[] = []) => (await database.pool.query<Record<string, unknown>>(sql, values)).rows // prettier-ignore

const ALL: ReprocessOptions = { reason: undefined, stream: undefined, sinceTimeMs: undefined, limit: 1_000, isDryRun: false, isTrusted: false, waitMs: 60_000 } // prettier-ignore
const run = (options: Partial<ReprocessOptions> = {}, keys: SigningKeys = signing): Promise<ReprocessResult[]> =>
  reprocess({ pool: database.pool, appender: createAppender({ redis, signing, shardCount: 1 }), signing: keys }, { ...ALL, ...options }) // prettier-ignore

const brief = (results: ReprocessResult[]) => results.map(({ letter, result }) => [letter.reason, result])
const fillsOf = (marketId: string) => rowsOf('select outcome_id, price, size, ordinal, captured_at from fills where market_id = $1 order by fill_id', [marketId]) // prettier-ignore

/** A dead letter as an older version of the code would have left it. */
const bury = async (stream: string, reason: string, raws: string[], firstSeen = new Date()): Promise<void> => {
  for (const raw of raws) {
    const place = [stream, `${Date.now()}-${Math.floor(Math.random() * 1e9)}`, reason, raw, firstSeen]
    await database.pool.query("insert into dead_letters (stream, entry_id, ordinal, reason, detail, raw, first_seen_at) values ($1, $2, 1, $3, '', $4, $5)", place) // prettier-ignore
  }
}

const trade = (marketId: string, size: string) =>
  tradeText(tokensOf(marketId)[0] ?? '', { price: '0.5', size, side: 'BUY', hash: '0xaa', timeMs: Date.now() - 60_000 })

test('after a fix, trades become fills with their own receive time, late books are stale, what is still bad stays with its reason', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('61')])
  await flow.books('61')
  await flow.changes('61', 10)
  await using _shard = start()
  await expectExact(tables(), flow, '61')
  const twice = trade('61', '7')
  const firstSeen = new Date(Date.now() - 50_000)
  const head = {
    market: '0x1',
    asset_id: tokensOf('61')[1],
    timestamp: String(Date.now()),
    hash: 'h',
    bids: [],
    asks: [],
  }
  await bury('orderbook:61', 'bad_message', [twice, twice, trade('61', '8')], firstSeen)
  await bury('orderbook:61', 'bad_message', [
    JSON.stringify(head),
    JSON.stringify({ event_type: 'book', ...head }),
    '{',
  ])
  await bury('orderbook:61', 'unknown_token', [trade('99', '1')])
  await bury('orderbook:61', 'bad_marker', ['{}'])
  const results = await run({ stream: 'orderbook:61' })
  expect(brief(results)).toEqual([
    ['bad_message', 'applied'],
    ['bad_message', 'applied'],
    ['bad_message', 'applied'],
    ['bad_message', 'stale'],
    ['bad_message', 'stale'],
    ['bad_message', 'rejected'],
    ['unknown_token', 'rejected'],
    ['bad_marker', 'refused'],
  ])
  expect(results[5]?.detail).toBe('not JSON')
  expect(await fillsOf('61')).toEqual(
    [['7', 0], ['7', 1], ['8', 0]].map(([size, ordinal]) => ({ outcome_id: '61:0', price: '0.500000', size: `${size}.000000`, ordinal, captured_at: firstSeen })), // prettier-ignore
  )
  // No sequence, epoch or ordinal moved: the market goes on as if nothing had been.
  await flow.changes('61', 10)
  await expectExact(tables(), flow, '61')
  expect(await rowsOf("select 1 from feed_gaps where outcome_id like '61:%'")).toEqual([])
  const again = await run({ stream: 'orderbook:61' })
  expect(brief(again).map(([, result]) => result)).toEqual(['rejected', 'rejected', 'refused'])
  expect(await fillsOf('61')).toHaveLength(3)
})

test('fed twice while the normalizer is away, a letter is applied once', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('62')])
  await flow.books('62')
  {
    await using _shard = start()
    await committed(tables(), 'orderbook:62')
  }
  const hashless = trade('62', '3').replace(',"transaction_hash":"0xaa"', '')
  await bury('orderbook:62', 'bad_message', [trade('62', '9'), hashless, hashless])
  for (let round = 0; round < 2; round++) {
    const results = await run({ stream: 'orderbook:62', waitMs: 0 })
    expect(results.map(({ result }) => result)).toEqual(['waiting', 'waiting', 'waiting'])
  }
  await using _shard = start()
  await committed(tables(), 'orderbook:62')
  expect((await fillsOf('62')).map((row) => [row['size'], row['ordinal']])).toEqual([['9.000000', 0], ['3.000000', 0], ['3.000000', 1]]) // prettier-ignore
  expect(await run({ stream: 'orderbook:62' })).toEqual([])
})

test('an unroutable frame finds its market once that is known; one that belongs to none is rejected again', async () => {
  await using _shard = start()
  const flow = createFlow(redis)
  const text = trade('63', '5')
  const frames = [text, trade('98', '5')].map((raw) => ({ kind: 'websocket' as const, receivedTimeMs: Date.now(), sourceReceivedTimeMs: undefined, text: raw })) // prettier-ignore
  await createAppender({ redis, signing, shardCount: 1 }).append([{ stream: UNROUTABLE_STREAM, epoch: createEpoch(), firstOrdinal: 1, frames }]) // prettier-ignore
  await committed(tables(), UNROUTABLE_STREAM)
  expect((await run({ reason: 'unroutable', isDryRun: true })).map(({ detail }) => detail)).toEqual(['would go to unroutable', 'would go to unroutable']) // prettier-ignore
  await flow.catalogue([gammaText('63')])
  await flow.books('63')
  await committed(tables(), 'orderbook:63')
  const results = await run({ reason: 'unroutable' })
  expect(brief(results)).toEqual([['unroutable', 'applied'], ['unroutable', 'rejected']]) // prettier-ignore
  expect(await fillsOf('63')).toHaveLength(1)
})

test('an entry with a bad signature is refused, applied when its key is known after all, and on trust', async () => {
  await using _shard = start()
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('64')])
  await flow.books('64')
  const forgotten: SigningKeys = { current: 'k0', keys: new Map([['k0', 'a key that was forgotten']]) }
  const lost: SigningKeys = { current: 'k9', keys: new Map([['k9', 'a key that is lost']]) }
  await redis.xadd('orderbook:64', '*', ...encodeEntry(flow.entry('64', trade('64', '4')), forgotten))
  await redis.xadd('orderbook:64', '*', ...encodeEntry(flow.entry('64', trade('64', '6')), lost))
  await flow.changes('64', 5)
  await flow.books('64', 'rest')
  await committed(tables(), 'orderbook:64')
  const only = { stream: 'orderbook:64' }
  expect((await run(only)).map(({ result }) => result)).toEqual(['refused', 'refused'])
  expect(await fillsOf('64')).toEqual([])
  const known = { ...signing, keys: new Map([...signing.keys, ...forgotten.keys]) }
  const second = await run(only, known)
  expect(second.map(({ result }) => result)).toEqual(['applied', 'refused'])
  expect(second[1]?.detail).toContain('--trust')
  expect((await run({ ...only, isTrusted: true })).map(({ result }) => result)).toEqual(['applied'])
  expect((await fillsOf('64')).map((row) => row['size'])).toEqual(['4.000000', '6.000000'])
})

test('a catalogue object comes to the market that lacked it, and never overwrites a newer one', async () => {
  await using _shard = start()
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('65', { slug: 'newer' })])
  await committed(tables(), 'markets')
  const old = new Date(Date.now() - 60_000)
  await bury('markets', 'bad_catalogue', [gammaText('65', { slug: 'older' }), gammaText('66'), '{}'], old)
  const results = await run({ reason: 'bad_catalogue' })
  expect(results.map(({ result }) => result)).toEqual(['stale', 'applied', 'rejected'])
  expect(await rowsOf("select slug from markets where market_id in ('65', '66') order by 1")).toEqual([{ slug: 'market-66' }, { slug: 'newer' }]) // prettier-ignore
})

test('a letter of a market that Postgres does not know is not fed: it would wait for ever', async () => {
  await bury('orderbook:97', 'bad_message', [trade('97', '1')])
  const [one] = await run({ stream: 'orderbook:97' })
  expect(one).toMatchObject({ result: 'refused', detail: 'market 97 is not in Postgres yet' })
  expect(await redis.exists('orderbook:97')).toBe(0)
})

test('--reason, --since, --stream and --limit choose, oldest first', async () => {
  await database.pool.query('delete from dead_letters')
  const old = new Date(Date.now() - 3_600_000)
  await bury('orderbook:61', 'bad_message', ['a'], old)
  await bury('orderbook:61', 'bad_message', ['b'])
  await bury('orderbook:61', 'unknown_event', ['c'])
  await bury('orderbook:62', 'bad_message', ['d'])
  const chosen = async (options: Partial<ReprocessOptions>) =>
    (await run({ ...options, isDryRun: true })).map(({ letter }) => letter.raw).join('')
  expect(await chosen({})).toBe('abcd')
  expect(await chosen({ reason: 'bad_message' })).toBe('abd')
  expect(await chosen({ stream: 'orderbook:61' })).toBe('abc')
  expect(await chosen({ sinceTimeMs: Date.now() - 60_000 })).toBe('bcd')
  expect(await chosen({ limit: 2 })).toBe('ab')
  expect(await rowsOf('select 1 from dead_letters where reprocessed_at is not null')).toEqual([])
})
