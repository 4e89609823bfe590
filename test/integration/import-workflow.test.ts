import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openEmulator, type Emulator } from '../../src/emulator/emulator.ts'
import { withClient } from '../../src/store/checkout.ts'
import { writeMarkets } from '../../src/store/markets.ts'
import { createRandom } from '../support/as-of-history.ts'
import { writePmxt } from '../support/pmxt-file.ts'
import { createOther } from '../support/pmxt-history.ts'
import { openRangeServer } from '../support/range-server.ts'
import { openControlWorker, type ControlWorker } from './control-worker.ts'
import { until } from './feed-support.ts'
import { marketOf } from '../support/capture-frames.ts'

const HOUR_MS = 3_600_000
const HOUR = Date.parse('2026-04-20T13:00:00Z')
const NOW = Math.floor(Date.now() / HOUR_MS) * HOUR_MS

let emulator: Emulator
let worker: ControlWorker
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'polytape-import-'))
  emulator = await openEmulator({ marketCount: 2, rate: 0 })
  worker = await openControlWorker([], 0)
  await start()
  await withClient(worker.pool, (client) => writeMarkets(client, emulator.catalogue.markets.map(marketOf)))
})
afterAll(async () => {
  await worker[Symbol.asyncDispose]()
  await emulator[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const start = async (): Promise<void> => {
  const { urls } = emulator
  const given = { POLYMARKET_GAMMA_URL: urls.gamma, POLYMARKET_CLOB_URL: urls.clob }
  expect(await worker.start(given), worker.logged()).toBe(true)
}

type VenueMarket = Emulator['catalogue']['markets'][number]

const marketAt = (index: number): VenueMarket => {
  const market = emulator.catalogue.markets[index]
  if (market === undefined) throw new Error('expected a market')
  return market
}

type Ran = { code: number; out: string; error: string }

const polytape = (...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const { connectionString = '' } = worker.pool.options
    const given = { PATH: process.env['PATH'] ?? '', TEMPORAL_ADDRESS: worker.address, DATABASE_URL: connectionString }
    const command = ['--import', 'tsx', 'src/cli/polytape.ts', ...args]
    execFile(process.execPath, command, { env: given }, (error, out, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, error: stderr })
    })
  })

const statesOf = async (marketId: string, fromTimeMs: number, toTimeMs: number) => {
  const { rows } = await worker.pool.query<{ state: string; imported_from: string[]; imported_seconds: number }>(
    'select state, imported_from, imported_seconds::float8 from coverage($1, $2, $3)',
    [marketId, new Date(fromTimeMs).toISOString(), new Date(toTimeMs).toISOString()],
  )
  return rows
}

test('an import goes on where its worker was killed: the rest is downloaded, and all is filled once', async () => {
  const market = marketAt(0)
  const random = createRandom(1)
  const others = market.tokens.map(({ token }) =>
    createOther({ conditionId: market.conditionId, token }, random, HOUR, HOUR + HOUR_MS),
  )
  const path = join(folder, 'hour.parquet')
  await writePmxt(path, 'v2', others.flatMap(({ seen }) => seen).toSorted((one, two) => one.receivedTimeMs - two.receivedTimeMs)) // prettier-ignore
  await using server = await openRangeServer(await readFile(path))
  const ran = polytape('import', 'pmxt', `${server.url}?key=secret`, '--market', market.slug)
  const pending = async () => {
    for await (const { workflowId } of worker.client.workflow.list({ query: "WorkflowType = 'importPmxt'" })) {
      const { raw } = await worker.client.workflow.getHandle(workflowId).describe()
      return String(raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0]?.data ?? '')
    }
    return ''
  }
  await until('half of it is downloaded', async () => (await pending()).includes('doneBytes'), 180_000)
  await worker.kill()
  await start()
  const { code, out, error } = await ran
  expect({ code, error }).toEqual({ code: 0, error: '' })
  expect(out.trimEnd().split('\n').at(-1)).toMatch(/^done: █+ 2026-04-20 13:00Z to 2026-04-20 14:00Z, 1 of 1 markets, /)
  expect(server.asked).toEqual(['', expect.stringMatching(/^bytes=[1-9]\d*-$/)])
  const origins = await worker.pool.query('select distinct origin from imported_spans')
  expect(origins.rows).toEqual([{ origin: server.url }])
  for await (const { workflowId } of worker.client.workflow.list({ query: "WorkflowType = 'importPmxt'" })) {
    const { staticSummary } = await worker.client.workflow.getHandle(workflowId).describe()
    expect(`${workflowId} ${await staticSummary()}`).not.toContain('secret')
  }
  expect(`${out} ${worker.logged()}`).not.toContain('secret')
  const { rows } = await worker.pool.query<{ rows: number }>('select count(*)::int as rows from order_books')
  const claimed = await worker.pool.query<{ rows: number }>('select sum(rows)::int as rows from imported_spans')
  expect(rows).toEqual(claimed.rows)
  expect(await statesOf(market.marketId, HOUR + 600_000, HOUR + HOUR_MS)).toEqual([
    { state: 'imported', imported_from: ['pmxt'], imported_seconds: 3_000 },
  ])

  const again = await polytape('import', 'pmxt', path)
  expect(again).toMatchObject({ code: 0, error: '' })
  expect(again.out.trimEnd().split('\n').at(-1)).toContain(', 0 written')
})

test('prices of the past are kept where nothing was recorded, and coverage says what they are', async () => {
  const market = marketAt(1)
  const ids = market.tokens.map((_, index) => `${market.marketId}:${index}`)
  const [from, to] = [NOW - 10 * HOUR_MS, NOW - 2 * HOUR_MS]
  const [begins, opens, closes] = [from + 3 * HOUR_MS + 90_000, from + 5 * HOUR_MS, from + 6 * HOUR_MS]
  await worker.pool.query('insert into market_hours values ($1, $2, 10, 10, 0, 0)', [market.marketId, new Date(from + 3 * HOUR_MS).toISOString()]) // prettier-ignore
  for (const [index, outcomeId] of ids.entries()) {
    await worker.pool.query(
      `insert into book_checkpoints (outcome_id, sequence, market_id, stream_id, epoch, ordinal, captured_at, tick_size, bids, asks, resume)
       values ($1, 1, $2, '1-1', 'e', 1, $3, '0.01', '[]', '[]', '{"status": "following"}')`,
      [outcomeId, market.marketId, new Date(begins).toISOString()],
    )
    await worker.pool.query(
      `insert into feed_gaps (market_id, outcome_id, opened_at, detected_at, closed_at, reason, last_good_sequence, gap_sequence, detail)
       values ($1, $2, $3, $3, $4, 'disconnect', 1, $5, '')`,
      [market.marketId, outcomeId, new Date(opens).toISOString(), new Date(closes).toISOString(), index + 2],
    )
  }
  const span = ['--from', new Date(from).toISOString(), '--to', new Date(to).toISOString()]
  const { code, out, error } = await polytape('import', 'prices', market.slug, ...span)
  expect({ code, error }).toEqual({ code: 0, error: '' })
  expect(out.trimEnd().split('\n').at(-1)).toMatch(new RegExp(`^done: █+ ${market.marketId} ${market.slug}, `))

  const isHole = (timeMs: number): boolean => timeMs < begins || (timeMs >= opens && timeMs < closes)
  const minutes = Array.from({ length: 480 }, (_, minute) => from + minute * 60_000).filter(isHole)
  const { rows } = await worker.pool.query<{ outcome_id: string; priced_at: Date; price: string }>(
    'select outcome_id, priced_at, price from imported_prices where market_id = $1 order by outcome_id, priced_at',
    [market.marketId],
  )
  for (const outcomeId of ids) {
    const times = rows.filter((row) => row.outcome_id === outcomeId).map(({ priced_at }) => priced_at.getTime())
    expect(times).toEqual(minutes)
  }
  const sums = minutes.map((timeMs) => rows.filter(({ priced_at }) => priced_at.getTime() === timeMs).reduce((sum, { price }) => sum + Number(price), 0)) // prettier-ignore
  for (const sum of sums) expect(sum).toBeCloseTo(1, 6)
  const states = await statesOf(market.marketId, from, to)
  expect(states.map(({ state }) => state)).toEqual(['imported', 'imported', 'imported', 'degraded', 'available', 'imported', 'available', 'available']) // prettier-ignore
  expect(states[0]).toEqual({ state: 'imported', imported_from: ['prices_history'], imported_seconds: 0 })

  expect((await polytape('import', 'prices', market.slug, ...span)).out).toContain(', 0 written')
})

test('what cannot be imported ends the command with the reason', async () => {
  const missing = await polytape('import', 'pmxt', 'no/such.parquet')
  expect(missing.code).toBe(1)
  expect(missing.error).toContain('polytape: expected a file that the control worker can read, got ENOENT')
  const unknown = await polytape('import', 'prices', '1')
  expect(unknown).toMatchObject({ code: 1 })
  expect(unknown.error).toContain("polytape: market 1 is unknown: the venue's catalogue answered 404")
})
