import fc from 'fast-check'
import type { PoolClient } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FillNews } from '../../src/domain/fill.ts'
import type { Frame } from '../../src/domain/frame.ts'
import type { AttributedFill } from '../../src/domain/trade.ts'
import type { FillRow } from '../../src/normalizer/batch.ts'
import { toFill, TradeOrdinals } from '../../src/normalizer/trade-ordinals.ts'
import type { TradeRow } from '../../src/normalizer/trade-row.ts'
import { withClient } from '../../src/store/checkout.ts'
import { findStoredFills, writeFills } from '../../src/store/fills.ts'
import { mergeTrades } from '../../src/store/trades.ts'
import { insertMarket, scanRows, walletOf } from '../support/data-trades.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'
import { countFills, tradeEvent, tradeKey, type TradeShape } from '../support/trades.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(async () => database[Symbol.asyncDispose]())

const SOCKET_TIME_MS = 1_790_000_000_500
const API_TIME_MS = 1_790_000_030_000
const frame: Frame = { kind: 'websocket', receivedTimeMs: SOCKET_TIME_MS, sourceReceivedTimeMs: undefined, text: '' }

class Crash extends Error {}

/** In a transaction of its own, as a commit does; a crash before its end leaves nothing. */
const transact = <T>(isCrash: boolean, work: (client: PoolClient) => Promise<T>): Promise<T | undefined> =>
  withClient(database.pool, async (client) => {
    await client.query('begin')
    try {
      const result = await work(client)
      if (isCrash) throw new Crash('killed before the commit')
      await client.query('commit')
      return result
    } catch (error) {
      await client.query('rollback')
      if (error instanceof Crash) return undefined
      throw error
    }
  })

type Told = { news: FillNews[]; attributed: AttributedFill[] }

/** What is committed is told; what a crash took back is written again, as the stream is read again. */
const write = async (fills: FillRow[], isCrash: boolean, told: Told): Promise<void> => {
  const news = await transact(isCrash, async (client) => {
    const some: FillNews[] = []
    await writeFills(client, fills, some)
    return some
  })
  if (news === undefined) return write(fills, false, told)
  told.news.push(...news)
}
const merge = async (trades: TradeRow[], isCrash: boolean, told: Told): Promise<void> => {
  const result = await transact(isCrash, async (client): Promise<Told> => {
    const news: FillNews[] = []
    return { attributed: await mergeTrades(client, trades, news), news }
  })
  if (result === undefined) return merge(trades, false, told)
  told.news.push(...result.news)
  told.attributed.push(...result.attributed)
}

const shape: fc.Arbitrary<TradeShape> = fc.record({
  price: fc.constantFrom('0.5', '0.50', '0.4'),
  size: fc.constantFrom('20', '20.0'),
  side: fc.constantFrom('BUY', 'SELL'),
  hash: fc.constantFrom('0xaa', '0xAA', '0xbb', undefined),
  timeMs: fc.constantFrom(1_790_000_000_001, 1_790_000_000_002),
})
const shapes = fc.array(shape, { maxLength: 8 })
/** What is committed next: of a connection, of a scan of the Data API, or of both by two shards at once. */
const step = fc.record({
  socket: shapes,
  epoch: fc.constantFrom('a', 'b'),
  scan: shapes,
  isAtOnce: fc.boolean(),
  isScanFirst: fc.boolean(),
  isCrash: fc.boolean(),
  isAgain: fc.boolean(),
})

type StoredRow = {
  fill_id: string
  tx_hash: string | null
  side: string
  price: string
  size: string
  ordinal: number
  source: string
  status: string
  wallet: string | null
  captured_at: Date
  source_ts: Date
  data_api_ts: Date | null
  confirmed_at: Date | null
}
const stored = async (marketId: string): Promise<StoredRow[]> =>
  (await database.pool.query<StoredRow>('select * from fills where market_id = $1 order by ordinal', [marketId])).rows
const keyOf = ({ price, size, side, tx_hash, source_ts }: StoredRow): string =>
  tradeKey({ price, size, side, hash: tx_hash ?? undefined, timeMs: source_ts.getTime() })

/** Of each key, who told of its first, second, … fill. */
const expectedSources = (socket: Map<string, number>, api: Map<string, number>): Map<string, string[]> => {
  const sourceOf = (key: string, at: number): string => {
    if (at >= (api.get(key) ?? 0)) return 'market_channel'
    return at < (socket.get(key) ?? 0) ? 'both' : 'data_api'
  }
  return new Map(
    [...new Set([...socket.keys(), ...api.keys()])].map((key) => {
      const length = Math.max(socket.get(key) ?? 0, api.get(key) ?? 0)
      return [key, Array.from({ length }, (_, at) => sourceOf(key, at))]
    }),
  )
}

const sourcesIn = (rows: StoredRow[]): Map<string, string[]> => {
  const found = new Map<string, string[]>()
  for (const row of rows) found.set(keyOf(row), [...(found.get(keyOf(row)) ?? []), row.source])
  return found
}

const expectClocks = (row: StoredRow): void => {
  const isConfirmed = row.source !== 'market_channel'
  expect(row.captured_at.getTime()).toBe(row.source === 'data_api' ? API_TIME_MS : SOCKET_TIME_MS)
  expect(row.source_ts.getTime() % 1_000 === 0).toBe(row.source === 'data_api')
  expect(row.status).toBe(isConfirmed ? 'confirmed' : 'provisional')
  expect(row.confirmed_at?.getTime()).toBe(isConfirmed ? API_TIME_MS : undefined)
  expect(row.data_api_ts?.getTime()).toBe(isConfirmed ? 1_790_000_000_000 : undefined)
  const wallet = walletOf({ price: '', size: '', side: '', hash: row.tx_hash ?? undefined, timeMs: 0 })
  expect(row.wallet).toBe(isConfirmed ? wallet : null)
}

let marketNumber = 0

test('whichever source comes first, late, twice or not at all, and whatever a crash takes back, fills are the union of both', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
      const marketId = `m${marketNumber++}`
      const token = `7${marketNumber}`
      await insertMarket(database.pool, marketId, token)
      const place = { marketId, outcomeId: `${marketId}:0`, frame }
      const ordinals = new TradeOrdinals()
      const told: Told = { news: [], attributed: [] }
      for (const { socket, epoch, scan, isAtOnce, isScanFirst, isCrash, isAgain } of steps) {
        const fills = socket.map((one) => {
          const event = tradeEvent(one)
          return toFill(event, { ...place, epoch, ordinal: ordinals.next(event, epoch, frame.receivedTimeMs) })
        })
        const trades = scanRows(token, scan.filter(({ hash }) => hash !== undefined), API_TIME_MS) // prettier-ignore
        const both = [() => write(fills, isCrash, told), () => merge(trades, isCrash, told)]
        if (isScanFirst) both.reverse()
        if (isAtOnce) await Promise.all(both.map((one) => one()))
        else for (const one of both) await one()
        if (isAgain) for (const one of both) await one()
        expect(await findStoredFills(database.pool, fills)).toEqual(fills)
      }
      const rows = await stored(marketId)
      const socketCounts = countFills(
        steps.flatMap(({ socket, epoch }) => socket.map((one) => ({ shape: one, epoch }))),
      )
      const scans = steps.flatMap(({ scan }, at) => scan.map((one) => ({ shape: one, epoch: String(at) })))
      const apiCounts = countFills(scans.filter(({ shape: one }) => one.hash !== undefined))
      expect(sourcesIn(rows)).toEqual(expectedSources(socketCounts, apiCounts))
      for (const row of rows) expectClocks(row)
      const confirmed = rows.filter(({ status }) => status === 'confirmed').map(({ fill_id }) => fill_id)
      const sorted = (ids: string[]) => ids.toSorted((left, right) => Number(left) - Number(right))
      expect(sorted(told.attributed.map(({ fillId }) => fillId))).toEqual(sorted(confirmed))
      for (const one of told.attributed) expect(one).toMatchObject({ marketId, exchangeTimeMs: 1_790_000_000_000 })
      const newsOf = (status: string) => sorted(told.news.filter((one) => one.status === status).map(({ fillId }) => fillId)) // prettier-ignore
      expect(newsOf('confirmed')).toEqual(sorted(confirmed))
      const firstBySocket = told.news.filter(({ status }) => status === 'provisional')
      expect(new Set(firstBySocket.map(({ fillId }) => fillId)).size).toBe(firstBySocket.length)
    }),
    { numRuns: 60 },
  )
})

test('two shards that write the same fills at once, in opposite orders, never wait for each other', async () => {
  await insertMarket(database.pool, 'crossed', '8')
  const place = { marketId: 'crossed', outcomeId: 'crossed:0', frame, epoch: 'a', ordinal: 0 }
  const told: Told = { news: [], attributed: [] }
  for (let round = 0; round < 10; round++) {
    const many = Array.from({ length: 300 }, (_, at): TradeShape => {
      return { price: '0.5', size: String(at + 1), side: 'BUY', hash: `0x${round}`, timeMs: 1_790_000_000_001 }
    })
    const fills = many.map((one) => toFill(tradeEvent(one), place))
    // A deadlock would end one of them.
    await Promise.all([write(fills, false, told), merge(scanRows('8', many.toReversed(), API_TIME_MS), false, told)])
  }
  const rows = await stored('crossed')
  expect(rows).toHaveLength(3_000)
  expect(new Set(rows.map(({ source }) => source))).toEqual(new Set(['both']))
})
