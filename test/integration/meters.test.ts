import type { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHotCache, type MarketWrite } from '../../src/cache/hot-cache.ts'
import { createSeen } from '../../src/dedup/seen.ts'
import { createStats } from '../../src/lib/stats.ts'
import { createAppender, createEpoch } from '../../src/stream/append.ts'
import { writeHeartbeats } from '../../src/workers/heartbeat-publisher.ts'
import { createPostgresMeter } from '../../src/workers/postgres-meter.ts'
import { createRedisMeter } from '../../src/workers/redis-meter.ts'
import { signing } from '../support/normalizer-flow.ts'
import { createDatabase, openRedis, type TestRedis } from '../support/services.ts'
import { until } from '../support/system.ts'

let server: TestRedis

beforeAll(async () => {
  server = await openRedis()
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
})

/** Commands that the server has run, those of scripts too, without the looks at them. */
const commandsRun = async (looker: Redis): Promise<number> => {
  const text = await looker.info('commandstats')
  const calls = [...text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].filter(([, name]) => name !== 'info')
  return calls.reduce((sum, [, , count]) => sum + Number(count), 0)
}

const openMetered = async () => {
  const stats = createStats()
  const redis = server.connect()
  createRedisMeter(stats)(redis)
  await redis.ping()
  const looker = server.connect()
  await looker.info('commandstats')
  const counted = (): number => stats.read()['redis:commands'] ?? 0
  /** Commands of `work` as we count them, and as the server does. A script that it does not know yet is a call more. */
  const both = async (work: () => Promise<unknown>): Promise<{ ours: number; real: number }> => {
    await work()
    const [oursBefore, realBefore] = [counted(), await commandsRun(looker)]
    await work()
    return { ours: counted() - oursBefore, real: (await commandsRun(looker)) - realBefore }
  }
  const close = (): void => [redis, looker].forEach((one) => one.disconnect())
  return { stats, redis, both, [Symbol.dispose]: close }
}

const frame = (text: string) => ({
  kind: 'websocket' as const,
  receivedTimeMs: 1,
  sourceReceivedTimeMs: undefined,
  text,
})

const toWrite = (marketId: string, levels: number): MarketWrite => {
  const level = (at: number): [string, string] => [`0.${at + 10}`, '5']
  const bids = Array.from({ length: levels }, (_, at) => level(at))
  const write = { isWhole: false, bids, asks: [] }
  const texts = {
    bidPrice: '0.1',
    bidSize: '1',
    askPrice: '',
    askSize: '',
    verifiedSequence: '1',
    applied: '1:a',
    epoch: '1-a',
    depth: '',
  }
  const times = { sourceTime: '1', updatedTime: '2' }
  const ladders = [{ outcomeId: `${marketId}:0`, write }]
  return { marketId, ...texts, ...times, sequence: 1, state: 'live', isQuoteChanged: true, ladders }
}

describe('commands of Redis are counted as the server counts them', () => {
  test('of an append: every look, entry and note', async () => {
    using metered = await openMetered()
    const appender = createAppender({ redis: metered.redis, signing, shardCount: 2 })
    const append = () => {
      const epoch = createEpoch()
      const streams = ['orderbook:1', 'orderbook:2', 'orderbook:2', 'trades']
      const entries = streams.map((stream, at) => ({
        stream,
        epoch,
        firstOrdinal: at + 1,
        frames: [frame('a'), frame('b')],
      }))
      return appender.append(entries)
    }
    const { ours, real } = await metered.both(append)
    expect(real).toBeGreaterThan(9)
    expect(ours).toBe(real)
  })

  test('of the bitmaps and of heartbeats', async () => {
    using metered = await openMetered()
    let period = 0
    const seen = createSeen({
      redis: metered.redis,
      stats: createStats(),
      now: () => period++ * 400 * 86_400_000,
      answerMs: 60_000,
    })
    const keys = ['a', 'b', 'c'].map((key) => `${key}${process.pid}`)
    const checked = await metered.both(() => seen.check('fills', keys))
    expect(checked.ours).toBe(checked.real)
    const added = await metered.both(() => seen.add('fills', keys))
    expect(added.ours).toBe(added.real)
    const told = await metered.both(() => writeHeartbeats(metered.redis, ['feed:0:a', '{}', 'trades:0', '{}']))
    expect(told.ours).toBe(told.real)
  })

  test('of the hot cache: never less, and at most an announcement a market and a side of a ladder without news more', async () => {
    using metered = await openMetered()
    const cache = createHotCache({ redis: metered.redis, ownerEpoch: 1 })
    const full = await metered.both(() => cache([toWrite('1', 7), toWrite('2', 0)]))
    expect(full.ours - full.real).toBe(3)
    const silent = await metered.both(() => cache([{ ...toWrite('1', 7), isQuoteChanged: false }]))
    expect(silent.ours - silent.real).toBe(2)
  })

  test('of a pipeline each, and by name', async () => {
    using metered = await openMetered()
    const { stats, redis } = metered
    const { ours, real } = await metered.both(() => redis.pipeline().set('k', '1').get('k').del('k').exec())
    expect([ours, real]).toEqual([3, 3])
    expect(stats.read()).toMatchObject({ 'redisCalls:set': 2, 'redisCalls:get': 2, 'redisCalls:del': 2 })
  })
})

test('errors of Redis are counted by its own word for them, bytes by direction over reconnects', async () => {
  const stats = createStats()
  const redis = server.connect()
  redis.on('error', () => undefined)
  createRedisMeter(stats)(redis)
  await redis.set('text', 'x'.repeat(10_000))
  await expect(redis.lpush('text', '1')).rejects.toThrow('WRONGTYPE')
  await expect(redis.evalsha('0'.repeat(40), 0)).rejects.toThrow('NOSCRIPT')
  expect(stats.read()).toMatchObject({ 'redisErrors:wrongtype': 1, 'redisErrors:noscript': 1 })
  const before = await stats.readAll()
  expect(before['redisBytes:out']).toBeGreaterThan(10_000)
  await redis.get('text')
  const after = await stats.readAll()
  expect((after['redisBytes:in'] ?? 0) - (before['redisBytes:in'] ?? 0)).toBeGreaterThan(10_000)
  // What loses its connection is sent again, and fails once.
  redis.disconnect(true)
  const waiting = Promise.all([redis.strlen('text'), redis.lpush('text', '1').catch(() => 'refused')])
  expect(await waiting).toEqual([10_000, 'refused'])
  expect(stats.read()).toMatchObject({ 'redisErrors:wrongtype': 2 })
  expect(stats.read()['redisCalls:strlen']).toBeGreaterThan(0)
  await until('the client to be back', async () => (await redis.ping()) === 'PONG')
  const again = await stats.readAll()
  expect(again['redisBytes:out'], 'what the lost socket had sent stays').toBeGreaterThan(after['redisBytes:out'] ?? 0)
  redis.disconnect()
})

test('a command whose connection is lost before it is answered counts as sent again, and one that waited for the first does not', async () => {
  const stats = createStats()
  const redis = server.connect()
  redis.on('error', () => undefined)
  createRedisMeter(stats)(redis)
  const looker = server.connect()
  const popped = redis.blpop('retried', 0)
  const isBlocked = async (): Promise<boolean> => (await looker.info('clients')).includes('blocked_clients:1')
  await until('the server to have the command', isBlocked)
  expect(stats.read()).not.toHaveProperty('redisRetries')
  await looker.call('client', 'kill', 'type', 'normal', 'skipme', 'yes')
  await until('the command to be sent again', () => stats.read()['redisRetries'] === 1)
  await looker.rpush('retried', 'x')
  expect(await popped).toEqual(['retried', 'x'])
  expect(stats.read()).toMatchObject({ redisRetries: 1 })
  for (const one of [redis, looker]) one.disconnect()
})

test('errors of Postgres are counted by class of SQLSTATE, and where it cannot be reached as those of the connection', async () => {
  await using database = await createDatabase()
  const stats = createStats()
  const meter = createPostgresMeter(stats)
  const open = (connectionString: string): pg.Pool => {
    const pool = new pg.Pool({ connectionString, log: meter.log })
    meter.watch(pool)
    return pool
  }
  const pool = open(database.url)
  await pool.query('select 1')
  expect(stats.read()).toEqual({})
  await expect(pool.query('select 1 / 0')).rejects.toThrow()
  await expect(pool.query('select nothing')).rejects.toThrow()
  const client = await pool.connect()
  await expect(client.query('selec')).rejects.toThrow()
  client.release()
  expect(stats.read()).toEqual({ 'postgresErrors:22': 1, 'postgresErrors:42': 2 })
  await pool.end()
  const nowhere = open('postgres://127.0.0.1:1/none')
  await expect(nowhere.query('select 1')).rejects.toThrow()
  expect(stats.read()).toMatchObject({ 'postgresErrors:connection': 1 })
  await nowhere.end()
})
