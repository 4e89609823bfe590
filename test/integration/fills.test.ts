import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Frame } from '../../src/domain/frame.ts'
import type { FillRow } from '../../src/normalizer/batch.ts'
import { toFill, TradeOrdinals } from '../../src/normalizer/trade-ordinals.ts'
import { findStoredFills, writeFills } from '../../src/store/fills.ts'
import { createFlow, gammaText, tokensOf } from '../support/normalizer-flow.ts'
import { close, committed, startShard } from '../support/normalizer-shard.ts'
import { createDatabase, openRedis, type TestDatabase } from '../support/services.ts'
import { countFills, tradeEvent, tradeKey, tradeText, type TradeShape } from '../support/trades.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(async () => database[Symbol.asyncDispose]())

const frame: Frame = { kind: 'websocket', receivedTimeMs: 1_790_000_000_500, sourceReceivedTimeMs: undefined, text: '' }

const write = async (fills: FillRow[]): Promise<void> => {
  const client = await database.pool.connect()
  try {
    await writeFills(client, fills, [])
  } finally {
    client.release()
  }
}

type StoredRow = { tx_hash: string | null; side: string; price: string; size: string; source_ts: Date; ordinal: number }

const stored = async (marketId: string): Promise<StoredRow[]> =>
  (await database.pool.query<StoredRow>('select * from fills where market_id = $1 order by fill_id', [marketId])).rows

const storedKey = ({ tx_hash, side, price, size, source_ts }: StoredRow): string =>
  tradeKey({ price, size, side, hash: tx_hash ?? undefined, timeMs: source_ts.getTime() })

const shape: fc.Arbitrary<TradeShape> = fc.record({
  price: fc.constantFrom('0.5', '0.50', '0.4'),
  size: fc.constantFrom('20', '20.0'),
  side: fc.constantFrom('BUY', 'SELL'),
  hash: fc.constantFrom('0xaa', undefined),
  timeMs: fc.constantFrom(1_790_000_000_000, 1_790_000_000_001),
})
const arrival = fc.record({ shape, epoch: fc.constantFrom('a', 'b', 'c') })
/** What is committed together, after which the process may restart, or Redis give back what was committed already. */
const commit = fc.record({
  arrivals: fc.array(arrival, { maxLength: 8 }),
  isRestarted: fc.boolean(),
  isAgain: fc.boolean(),
})

let marketNumber = 0

test('of several connections the maximum of each fill is stored, across batches, restarts and repeated commits', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(commit, { minLength: 1, maxLength: 6 }), async (commits) => {
      const marketId = `m${marketNumber++}`
      const place = { marketId, outcomeId: `${marketId}:0`, frame }
      let ordinals = new TradeOrdinals()
      for (const { arrivals, isRestarted, isAgain } of commits) {
        const fills = arrivals.map(({ shape: one, epoch }) => {
          const event = tradeEvent(one)
          return toFill(event, { ...place, epoch, ordinal: ordinals.next(event, epoch, frame.receivedTimeMs) })
        })
        await write(fills)
        expect(await findStoredFills(database.pool, fills)).toEqual(fills)
        if (isAgain) await write(fills)
        const counts = ordinals.snapshot()
        if (isRestarted) ordinals = new TradeOrdinals()
        if (isRestarted) ordinals.restore(counts)
      }
      const rows = await stored(marketId)
      const expected = countFills(commits.flatMap(({ arrivals }) => arrivals))
      const found = new Map<string, number>()
      for (const row of rows) found.set(storedKey(row), (found.get(storedKey(row)) ?? 0) + 1)
      expect(found).toEqual(expected)
    }),
    { numRuns: 60 },
  )
})

test('the same price and size at another time is another fill where there is no transaction hash', async () => {
  const one: TradeShape = { price: '0.5', size: '20', side: 'BUY', hash: undefined, timeMs: 1_790_000_000_000 }
  const place = { marketId: 'other', outcomeId: 'other:0', frame, epoch: 'a', ordinal: 0 }
  const fills = Array.from({ length: 5 }, (_, at) => toFill(tradeEvent({ ...one, timeMs: one.timeMs + at }), place))
  await write(fills.slice(0, 2))
  await write(fills)
  expect((await stored('other')).map((row) => row.ordinal)).toEqual([0, 1, 2, 3, 4])
  expect(await findStoredFills(database.pool, [{ ...fills[0]!, exchangeTimeMs: one.timeMs + 9 }, fills[1]!])).toEqual([fills[1]]) // prettier-ignore
})

test('while two connections overlap, each fill is stored once, and none that only one of them brought is lost', async () => {
  const server = await openRedis()
  const redis = server.connect()
  {
    await using shard = startShard({ redisUrl: server.url, databaseUrl: database.url })
    const older = createFlow(redis)
    const newer = createFlow(redis)
    const stream = 'orderbook:91'
    const all = () => committed({ redis, pool: database.pool }, stream)
    const say = async (flow: typeof older, sizes: string[]) => {
      const text = (size: string) => tradeText(tokensOf('91')[0] ?? '', { price: '0.5', size, side: 'BUY', hash: '0xaa', timeMs: 1_790_000_000_000 }) // prettier-ignore
      await flow.append('91', sizes.map((size) => ['websocket', text(size)])) // prettier-ignore
    }
    await older.catalogue([gammaText('91')])
    await older.books('91')
    await say(older, ['1', '2', '2'])
    await newer.books('91')
    await all()
    await say(newer, ['2', '3'])
    await say(older, ['3', '3', '4'])
    await all()
    await say(newer, ['4', '5'])
    await all()
    const sizes = (await stored('91'))
      .map((row) => `${Number(row.size)}#${row.ordinal}`)
      .toSorted((a, b) => a.localeCompare(b))
    expect(sizes).toEqual(['1#0', '2#0', '2#1', '3#0', '3#1', '4#0', '5#0'])
    expect(shard.stats.read()['dedupHits']).toBe(3)
  }
  redis.disconnect()
  await close(server)
})
