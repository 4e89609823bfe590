import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHotCache, type MarketWrite } from '../../src/cache/hot-cache.ts'
import { withClient } from '../../src/store/checkout.ts'
import { writeDepths } from '../../src/store/depths.ts'
import { writeMarkets } from '../../src/store/markets.ts'
import { createHistory, createRandom } from '../support/as-of-history.ts'
import { storeHistory } from '../support/as-of-store.ts'
import { createDatabase, openRedis, type TestDatabase, type TestRedis } from '../support/services.ts'

const HOUR_MS = 3_600_000
const START_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 5 * HOUR_MS
const NOBODY = 'redis://127.0.0.1:9'

let database: TestDatabase
let redis: TestRedis
let folder: string

const cacheWrite = (changed: Partial<MarketWrite> = {}): MarketWrite => ({
  marketId: '77',
  bidPrice: '0.52',
  bidSize: '210',
  askPrice: '0.54',
  askSize: '20',
  sequence: 1_204,
  verifiedSequence: '1204',
  state: 'live',
  sourceTime: String(Date.now() - 300),
  updatedTime: String(Date.now()),
  applied: `${Date.now() - 200}:aa ${Date.now() - 90_000}:bb`,
  epoch: '1-a',
  depth: '0',
  isQuoteChanged: true,
  ladders: [
    { outcomeId: '77:0', write: { isWhole: true, bids: [['0.52', '210'], ['0.51', '1000']], asks: [['0.54', '20'], ['0.55', '3']] } }, // prettier-ignore
    { outcomeId: '77:1', write: { isWhole: true, bids: [['0.46', '20']], asks: [['0.48', '210']] } },
  ],
  ...changed,
})

const writeCache = async (changed?: Partial<MarketWrite>): Promise<void> => {
  const client = redis.connect()
  await createHotCache({ redis: client, ownerEpoch: 1 })([cacheWrite(changed)])
  client.disconnect()
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'polytape-cli-'))
  ;[database, redis] = await Promise.all([createDatabase(), openRedis()])
  const outcomes = ['Yes', 'No'].map((name, index) => ({
    outcomeId: `77:${index}`,
    name,
    token: `${index}`.repeat(70),
  }))
  const market = { marketId: '77', conditionId: `0x${'ab'.repeat(32)}`, slug: 'will-it-rain', question: 'Will it rain?', outcomes } // prettier-ignore
  const rest = { feeBps: undefined, endTimeMs: undefined, tickSize: '0.01', minOrderSize: '5', negRisk: false, version: undefined, status: 'active' as const } // prettier-ignore
  await withClient(database.pool, (client) => writeMarkets(client, [{ ...market, ...rest }]))
  for (const { outcomeId } of outcomes) {
    const shape = { startTimeMs: START_MS, eventCount: 300, longestPauseMs: 40_000 }
    await storeHistory(database.pool, createHistory(outcomeId, createRandom(5), shape))
  }
  await writeCache()
  const client = redis.connect()
  await Promise.all(['feed', 'normalizer'].map((role) => client.set(`stats:${role}:host:1`, '{}')))
  client.disconnect()
})
afterAll(async () => {
  await Promise.all([database[Symbol.asyncDispose](), redis[Symbol.asyncDispose]()])
  rmSync(folder, { recursive: true, force: true })
})

type Ran = { code: number | null; out: string; errors: string }

const run = (args: string[], environment: Record<string, string> = {}): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const given = { DATABASE_URL: database.url, REDIS_URL: redis.url, POLYTAPE_STATE_DIR: folder, COLUMNS: '100' }
    const child = spawn(process.execPath, ['scripts/run.mjs', 'src/cli/polytape.ts', ...args], {
      env: { ...process.env, ...given, ...environment },
    })
    const text = { out: '', errors: '' }
    child.stdout.on('data', (chunk: Buffer) => (text.out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (text.errors += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...text }))
  })

test('book shows the hot cache: both ladders, what is proved, venue time, and no colour codes in a pipe', async () => {
  const { code, out } = await run(['book', 'will-it-rain'])
  expect(code).toBe(0)
  expect(out).toContain('Will it rain?')
  expect(out).toContain("live, verified by the venue's hash")
  expect(out).toContain(`Redis ${new URL(redis.url).host}`)
  expect(out).toMatch(
    /0\.55 +3\.00 +23\.00.*\n.*0\.54 +20\.00 +20\.00.*0\.48 +210\.00 +210\.00.*\n── spread 0\.02 · mid 0\.53 /,
  )
  expect(out).toContain('sequence 1,204')
  expect(out).toMatch(/venue (\S+ )?\d\d:\d\d:\d\d\.\d{3}, .*│ venue (\S+ )?\d\d:\d\d:\d\d\.\d{3}, 1 min ago/)
  expect(out).not.toContain('\x1b')
})

test('book says what is not proved: events since the proof, a gap, a pause, a market that was stopped', async () => {
  const said: [Partial<MarketWrite>, string][] = [
    [{ verifiedSequence: '1200' }, 'live, verified up to 4 events before'],
    [{ verifiedSequence: '' }, 'live, unverified: not proved yet'],
    [{ state: 'unverified' }, 'unverified: in a gap, the book may be wrong'],
    [{ state: 'paused' }, 'paused: the book as it last was'],
  ]
  for (const [changed, text] of said) {
    await writeCache(changed)
    expect((await run(['book', '77'])).out).toContain(text)
  }
  await writeCache()
})

test('book and coverage say how many levels are kept, and nothing where all are', async () => {
  const { pool } = database
  const sinceMs = START_MS + 2 * HOUR_MS
  await withClient(pool, (client) => writeDepths(client, [{ marketId: '77', capturedTimeMs: sinceMs, depth: 5 }]))
  await writeCache({ depth: '5' })
  const kept = 'kept: best 5 levels a side'
  expect((await run(['book', '77'])).out).toContain(kept)
  expect((await run(['book', '77', '--at', String(sinceMs)])).out).toContain(kept)
  expect((await run(['book', '77', '--at', String(sinceMs - 1)])).out).not.toContain('kept')
  expect((await run(['coverage', '77', '--from', '5h'])).out).toContain(kept)
  await pool.query('delete from book_depths')
  await writeCache()
  expect((await run(['book', '77'])).out).not.toContain('kept')
})

test('book says that it is not current: frames that wait, or a feed that does not run', async () => {
  const client = redis.connect()
  expect((await run(['book', '77'])).out).not.toContain('not current')
  await client.xadd('orderbook:77', `${Date.now() + 60_000}-0`, 'a', 'b')
  expect((await run(['book', '77'])).out).toMatch(/not current: frames of the last \d+ s are not applied yet/)
  await client.del('orderbook:77', 'stats:feed:host:1')
  expect((await run(['book', '77'])).out).toContain('not current: no feed is running')
  await client.set('stats:feed:host:1', '{}')
  client.disconnect()
})

test('book without a hot cache shows the last committed book and says so', async () => {
  const { code, out } = await run(['book', '77'], { REDIS_URL: NOBODY })
  expect(code).toBe(0)
  expect(out).toMatch(/last committed book, from Postgres: Redis 127\.0\.0\.1:9 \(from REDIS_URL\) did not answer/)
})

test('book --at shows one outcome as it was, at any spelling of the instant', async () => {
  const instant = new Date(START_MS + HOUR_MS).toISOString()
  const { code, out } = await run(['book', '77:1', '--at', instant, '--depth', '2'])
  expect(code).toBe(0)
  expect(out).toContain(`as of ${instant.replace('T', ' ')} by receive time`)
  expect(out).toContain('No  77:1')
  expect(out).not.toContain('77:0')
  expect((await run(['book', '77:1', '--at', String(START_MS + HOUR_MS), '--depth', '2'])).out).toBe(out)
  expect((await run(['book', '77', '--at', '3d'])).out).toContain('missing: no book had been received yet')
})

test('coverage prints one line an hour with a bar', async () => {
  const { code, out } = await run(['coverage', '77', '--from', new Date(START_MS).toISOString(), '--to', new Date(START_MS + 4 * HOUR_MS).toISOString()]) // prettier-ignore
  expect(code).toBe(0)
  const hours = out.split('\n').filter((line) => /^\d{4}-\d{2}-\d{2} \d{2}:00 /.test(line))
  expect(hours).toHaveLength(4)
  for (const line of hours) expect(line).toMatch(/[█░·]+ (available|degraded|missing)$/)
})

test('a stranger to the recorder is named with what is near, a database that is away with where it was looked for', async () => {
  const unknown = await run(['book', 'rain'])
  expect(unknown).toMatchObject({ code: 1, out: '' })
  expect(unknown.errors).toMatch(
    /one of the 1 markets that polytape knows, got "rain"\ndid you mean\n {2}77 {2}will-it-rain/,
  )
  writeFileSync(join(folder, 'run.json'), JSON.stringify({ databaseUrl: 'postgres://u:secret@127.0.0.1:9/x', redisUrl: NOBODY })) // prettier-ignore
  const away = await run(['coverage', '77'], { DATABASE_URL: '', REDIS_URL: '' })
  expect(away.code).toBe(1)
  expect(away.errors).toMatch(/expected Postgres at 127\.0\.0\.1:9 \(from .*run\.json\) to answer, got: .*ECONNREFUSED/)
  expect(away.errors).not.toContain('secret')
  expect((await run(['book', '77', '--at', 'noon'])).errors).toContain('--at: expected a time, got "noon"')
  expect(await run(['bok'])).toMatchObject({ code: 2 })
  expect((await run(['help'])).out).toContain('usage: npm run polytape')
})
