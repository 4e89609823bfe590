import { execFile } from 'node:child_process'
import { MockActivityEnvironment } from '@temporalio/testing'
import type { Pool } from 'pg'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBackfillActivities, type BackfilledSlice } from '../../src/activities/backfill.ts'
import type { DataApi } from '../../src/domain/data-page.ts'
import { TRADES_STREAM } from '../../src/domain/keys.ts'
import { openEmulator } from '../../src/emulator/emulator.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { readOffset } from '../../src/store/offsets.ts'
import { createAppender } from '../../src/stream/append.ts'
import { countEntriesAfter } from '../../src/stream/waiting.ts'
import { openClient } from '../unit/emulator-receiver.ts'
import { openControlWorker, type ControlWorker } from './control-worker.ts'
import { signing, until } from './feed-support.ts'
import { ledgerFills, streamFills, trade } from './trades-support.ts'

/** Some thousand fills of one market and of another. */
const openHistory = async () => {
  const emulator = await openEmulator({ marketCount: 2, rate: 0, tradeShare: 0.5, tradeFaults: { equalShare: 0.5 } })
  using client = await openClient(emulator.urls.ws)
  await client.subscribe(emulator.catalogue.markets.flatMap((market) => market.tokens.map(({ token }) => token)))
  const [market] = emulator.catalogue.markets
  if (market === undefined) throw new Error('expected a market')
  const fills = () => emulator.ledger().trades.filter(({ marketId }) => marketId === market.marketId)
  while (fills().length < 3_600) await trade(emulator, 2_000, 0)
  return { emulator, market, fills: fills() }
}

const unread = async (redis: Redis, pool: Pool): Promise<number> =>
  countEntriesAfter(redis, TRADES_STREAM, (await readOffset(pool, TRADES_STREAM))?.lastId ?? '0-0', 1_000)

/** Stands in for the normalizer: all that is in the stream is committed. */
const takeAll = async (redis: Redis, pool: Pool): Promise<void> => {
  const [newest] = await redis.xrevrange(TRADES_STREAM, '+', '-', 'COUNT', 1)
  if (newest === undefined) return
  await pool.query(
    `insert into ingestion_offsets (stream, last_id, sequence, writer, progress, updated_at)
     values ($1, $2, 0, 'test', '{}', now()) on conflict (stream) do update set last_id = excluded.last_id`,
    [TRADES_STREAM, newest[0]],
  )
}

let history: Awaited<ReturnType<typeof openHistory>>
let worker: ControlWorker
beforeAll(async () => {
  history = await openHistory()
  worker = await openControlWorker([], 0)
  await start()
})
afterAll(async () => {
  await worker[Symbol.asyncDispose]()
  await history.emulator[Symbol.asyncDispose]()
})

const start = async (): Promise<void> => {
  const { urls } = history.emulator
  const key = [...signing.keys].flat().join(':')
  const given = { POLYMARKET_DATA_URL: urls.data, POLYMARKET_GAMMA_URL: urls.gamma, STREAM_HMAC_KEY: key }
  expect(await worker.start(given), worker.logged()).toBe(true)
}

type Ran = { code: number; out: string; error: string }

const backfill = (...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const given = { PATH: process.env['PATH'] ?? '', TEMPORAL_ADDRESS: worker.address }
    const command = ['--import', 'tsx', 'src/cli/backfill.ts', 'trades', ...args]
    execFile(process.execPath, command, { env: given }, (error, out, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, error: stderr })
    })
  })

test('a backfill waits for the normalizer, goes on after its worker was killed, and finds every fill as often as it was', async () => {
  const { emulator, market, fills } = history
  const { redis, pool } = worker
  const ran = backfill('--market', market.slug, '--from', '1h')
  await until('the stream is full', async () => (await unread(redis, pool)) >= 20)
  const requests = (): number => emulator.dataRequests['v2/trades']
  const before = requests()
  await until('it has looked a few times', async () => (await unread(redis, pool)) >= 20)
  expect(await unread(redis, pool)).toBeLessThanOrEqual(25)
  // Into the second slice.
  await until('half of it is read', async () => {
    await takeAll(redis, pool)
    return requests() >= before + 2
  })
  const read = requests()
  await worker.kill()
  await start()
  let isDone = false
  void ran.finally(() => (isDone = true))
  await until(
    'the command ends',
    async () => {
      await takeAll(redis, pool)
      return isDone
    },
    60_000,
  )
  const { code, out, error } = await ran
  expect({ code, error }).toEqual({ code: 0, error: '' })
  expect(out.trimEnd().split('\n').at(-1)).toContain(`done: ${market.marketId} ${market.slug}, back to `)
  expect(await streamFills(redis)).toEqual(ledgerFills(fills))
  const pages = Math.ceil(fills.length / 500)
  expect(requests()).toBeLessThan(read + pages)
})

test('the last slice of a backfill ends when what it appended is committed', async () => {
  const { redis, pool } = worker
  await takeAll(redis, pool)
  const element = `{"transactionHash":"0xab","asset":"1","side":"BUY","price":0.5,"size":1,"timestamp":5}`
  const page = { elements: [element], receivedTimeMs: 1, next: undefined, isCut: false }
  const source: DataApi = {
    begin: () => ({ type: 'v2', cursor: undefined }),
    trades: async () => page,
    activity: async () => ({ ...page, nextOffset: undefined }),
  }
  const appender = createAppender({ redis, signing, shardCount: 1 })
  const deps = { source, appender, redis, pool, log: createLog('control', 'silent'), stats: createStats() }
  const { backfillSlice } = createBackfillActivities(deps)
  const slice = { conditionId: 'c', fromTimeMs: 0, toTimeMs: 10_000 }
  const running: Promise<BackfilledSlice> = new MockActivityEnvironment().run(backfillSlice, slice)
  const ended = running.then(async (done) => ({ done, left: await unread(redis, pool) }))
  let looks = 0
  await until('it is in the stream for a while', async () => (await unread(redis, pool)) === 1 && ++looks > 5)
  await takeAll(redis, pool)
  expect(await ended).toMatchObject({ done: { fills: 1, isCut: false }, left: 0 })
})

test('a market that the venue does not know ends the command with the reason', async () => {
  const { code, error } = await backfill('--market', '1', '--from', '1h')
  expect(code).toBe(1)
  expect(error).toContain("backfill: market 1 is unknown: the venue's catalogue answered 404")
})
