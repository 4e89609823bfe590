import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFlow, gammaText, tokensOf } from '../support/normalizer-flow.ts'
import { close, committed, startShard } from '../support/normalizer-shard.ts'
import { createDatabase, openRedis, type TestDatabase, type TestRedis } from '../support/services.ts'
import { tradeText } from '../support/trades.ts'

let server: TestRedis
let database: TestDatabase
let redis: Redis
let folder = ''

beforeAll(async () => {
  ;[server, database, folder] = await Promise.all([openRedis(), createDatabase(), mkdtemp(join(tmpdir(), 'polytape-cli-'))]) // prettier-ignore
  redis = server.connect()
})
afterAll(async () => {
  redis.disconnect()
  await Promise.all([close(server), database[Symbol.asyncDispose](), rm(folder, { recursive: true })])
})

type Ran = { code: number; out: string; error: string }

const run = (file: string, args: string[], env: Record<string, string>): Promise<Ran> =>
  new Promise((resolve) => {
    const path = join(import.meta.dirname, '../../src/cli', file)
    const given = { PATH: process.env['PATH'] ?? '', POLYTAPE_STATE_DIR: folder, ...env }
    execFile(process.execPath, ['--import', 'tsx', path, ...args], { env: given }, (error, out, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, error: stderr })
    })
  })

const reprocess = (...args: string[]) =>
  run('reprocess.ts', args, {
    DATABASE_URL: database.url,
    REDIS_URL: server.url,
    STREAM_HMAC_KEY: 'test:a secret of these tests',
  })

test('reprocess prints what came of each dead letter, and the second time that there is nothing to do', async () => {
  await using _shard = startShard({ redisUrl: server.url, databaseUrl: database.url })
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('81')])
  await flow.books('81')
  await committed({ redis, pool: database.pool }, 'orderbook:81')
  const raw = tradeText(tokensOf('81')[0] ?? '', {
    price: '0.5',
    size: '7',
    side: 'BUY',
    hash: '0xaa',
    timeMs: Date.now(),
  })
  await database.pool.query("insert into dead_letters (stream, entry_id, ordinal, reason, detail, raw, first_seen_at) values ('orderbook:81', '1-1', 1, 'bad_message', '', $1, now())", [raw]) // prettier-ignore
  const dry = await reprocess('--dry-run', '--since', '1h')
  expect(dry).toMatchObject({ code: 0, error: '' })
  expect(dry.out).toMatch(/^id +stream +reason +result +detail\n\d+ +orderbook:81 +bad_message +planned +would go to orderbook:81\n\n1 dead letter: 1 would be fed\n$/) // prettier-ignore
  const first = await reprocess('--stream', 'orderbook:81', '--reason', 'bad_message')
  expect(first).toMatchObject({ code: 0, error: '' })
  expect(first.out).toMatch(/bad_message +applied +fill buy 7 of 81:0 at 0.5\n\n1 dead letter: 1 applied\n$/)
  expect((await reprocess()).out).toBe('no dead letters to feed\n')
})

test('reprocess says what it did not understand, and what does not answer', async () => {
  const unknown = await reprocess('--everything')
  expect(unknown.code).toBe(2)
  expect(unknown.error).toContain('usage: npm run reprocess')
  expect((await reprocess('--limit', 'many')).error).toContain('--limit: expected a whole number, got "many"')
  const away = await run('reprocess.ts', [], { DATABASE_URL: 'postgres://127.0.0.1:1/none', REDIS_URL: server.url })
  expect(away.code).toBe(1)
  expect(away.error).toContain('expected Postgres at 127.0.0.1:1')
})

test('rotate-key makes a new key and keeps the old one; with a key of the environment it says how to go about it', async () => {
  const first = await run('rotate-key.ts', [], {})
  expect(first.code).toBe(0)
  expect(first.out).toContain('all older keys still verify')
  const kept = JSON.parse(await readFile(join(folder, 'keys'), 'utf8')) as { current: string; previous: string; keys: object } // prettier-ignore
  expect(Object.keys(kept.keys).toSorted()).toEqual([kept.previous, kept.current])
  // A process takes a new key some seconds after it was made: here it lasts longer than any start of a command.
  await writeFile(join(folder, 'keys'), JSON.stringify({ ...kept, switchTimeMs: Date.now() + 600_000 }))
  const soon = await run('rotate-key.ts', [], {})
  expect(soon.code).toBe(1)
  expect(soon.error).toContain('wait for it')
  const set = await run('rotate-key.ts', [], { STREAM_HMAC_KEY: 'a secret of sixteen' })
  expect(set.code).toBe(1)
  expect(set.out).toMatch(/STREAM_HMAC_KEYS_OLD=k\d+:[0-9a-f]{64}/)
  expect(set.out).not.toContain('a secret of sixteen')
})
