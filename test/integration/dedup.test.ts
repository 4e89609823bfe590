import type { Redis } from 'ioredis'
import { beforeEach, expect, test } from 'vitest'
import { withoutCopies } from '../../src/activities/normalizer-dedup.ts'
import { KINDS } from '../../src/dedup/kinds.ts'
import { createSeen, type SeenDeps } from '../../src/dedup/seen.ts'
import { createStats } from '../../src/lib/stats.ts'
import { newBatch, type Batch, type FillRow } from '../../src/normalizer/batch.ts'
import { writeFills } from '../../src/store/fills.ts'
import { slowness } from '../support/quickest.ts'
import { openRedis } from '../support/services.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis } = await openStores()
beforeEach(async () => {
  await redis.flushall()
  await database.pool.query('truncate fills')
})

/** Longer than this machine may be busy with other tests: a late answer counts as an error. */
const answerMs = 60_000
const keysOf = (name: string, count: number) => Array.from({ length: count }, (_, at) => `${name} ${at}`)

test('what was added is seen, by other processes too; what was not is certainly new; a key lasts one to two periods', async () => {
  let nowMs = 1_790_000_000_000
  const stats = createStats()
  const now = () => nowMs
  const seen = createSeen({ redis, stats, now, answerMs })
  const keys = keysOf('fill', 1_200)
  expect(await seen.check('fills', keys)).toEqual(keys.map(() => false))
  await seen.add('fills', keys)
  const other = createSeen({ redis, stats, now, answerMs })
  expect(await other.check('fills', [...keys, 'another'])).toEqual([...keys.map(() => true), false])
  expect(await other.check('broadcasts', keys.slice(0, 3))).toEqual([false, false, false])
  nowMs += KINDS.fills.periodMs
  expect(await other.check('fills', keys)).toEqual(keys.map(() => true))
  await other.add('fills', ['later'])
  nowMs += KINDS.fills.periodMs
  expect(await other.check('fills', [...keys.slice(0, 2), 'later'])).toEqual([false, false, true])
  const names = await redis.keys('seen:*')
  expect(names).toHaveLength(2)
  const lives = await Promise.all(names.map((name) => redis.ttl(name)))
  expect(Math.max(...lives)).toBeLessThanOrEqual((2 * KINDS.fills.periodMs) / 1_000)
  expect(Math.min(...lives)).toBeGreaterThan(0)
  expect(stats.read()['dedupErrors']).toBeUndefined()
})

test('keys of a commit that is under way are seen in the process, and nowhere else', async () => {
  const [mine, other] = [0, 1].map(() => createSeen({ redis, stats: createStats(), now: Date.now, answerMs }))
  mine?.hold('fills', ['a'])
  expect(await mine?.check('fills', ['a', 'b'])).toEqual([true, false])
  expect(await other?.check('fills', ['a', 'b'])).toEqual([false, false])
})

const fill = (ordinal: number, changed: Partial<FillRow> = {}): FillRow => ({
  marketId: '1',
  outcomeId: '1:0',
  side: 'buy',
  priceText: '0.5',
  sizeText: '20',
  transactionHash: '0xaa',
  capturedTimeMs: 1_790_000_000_000,
  exchangeTimeMs: 1_790_000_000_000,
  sourceReceivedTimeMs: undefined,
  ordinal,
  epoch: 'a',
  ...changed,
})

const write = async (batch: Batch): Promise<void> => {
  const client = await database.pool.connect()
  try {
    await writeFills(client, batch.fills, [])
  } finally {
    client.release()
  }
}

const batchOf = (fills: FillRow[]): Batch => ({ ...newBatch(), fills })
const { signal } = new AbortController()
const countRows = async () => Number((await database.pool.query('select count(*) as n from fills')).rows[0].n)

const openWriter = (client: Redis, within: Pick<SeenDeps, 'answerMs'> = { answerMs }) => {
  const stats = createStats()
  const seen = createSeen({ redis: client, stats, now: Date.now, ...within })
  const written: FillRow[][] = []
  const writer = withoutCopies(
    async (batch) => {
      written.push(batch.fills)
      await write(batch)
    },
    { seen, pool: database.pool, stats },
  )
  return { stats, seen, written, writer }
}

const added = async (client: Redis): Promise<void> => {
  await expect.poll(() => client.keys('seen:fills:*'), { timeout: 60_000 }).not.toHaveLength(0)
}

test('a copy of a fill is dropped before the commit and counted; a fill that only looks like one is kept', async () => {
  const first = openWriter(redis)
  await first.writer(batchOf([fill(0), fill(1)]), signal)
  await added(redis)
  const second = openWriter(redis)
  // Perhaps seen, but not stored: its commit had failed.
  await second.seen.add('fills', ['0xaa 1:0 buy 500000 20000000 2'])
  const copies = [fill(0, { epoch: 'b', priceText: '0.50' }), fill(3, { epoch: 'b' })]
  await second.writer(batchOf([fill(2), fill(3), ...copies]), signal)
  expect(second.written).toEqual([[fill(2), fill(3)]])
  expect(second.stats.read()).toMatchObject({ dedupHits: 2, dedupFalsePositives: 1 })
  expect(await countRows()).toBe(4)
})

test('with its bitmaps lost, every fill is still stored once', async () => {
  const { writer, stats } = openWriter(redis)
  await writer(batchOf([fill(0), fill(1), fill(0, { transactionHash: undefined })]), signal)
  await added(redis)
  await redis.flushall()
  await redis.script('FLUSH')
  const another = openWriter(redis)
  await another.writer(batchOf([fill(0), fill(1), fill(2), fill(0, { transactionHash: undefined })]), signal)
  expect(await countRows()).toBe(4)
  expect([stats.read(), another.stats.read()].every((figures) => figures['dedupErrors'] === undefined)).toBe(true)
})

test('without Redis, every fill is stored once, and what was committed meanwhile is added when it is back', async () => {
  await using own = await openRedis()
  const client = own.connect()
  client.on('error', () => undefined)
  const { writer, stats, seen } = openWriter(client, {})
  await client.ping()
  await own.stop()
  await writer(batchOf([fill(0), fill(1)]), signal)
  await writer(batchOf([fill(1), fill(2)]), signal)
  expect(await countRows()).toBe(3)
  expect(stats.read()['dedupErrors']).toBeGreaterThan(0)
  expect(await seen.check('fills', ['0xaa 1:0 buy 500000 20000000 0'])).toEqual([true])
  client.disconnect()
})

test('checking a batch of fills takes less than a millisecond on a calm machine', async () => {
  const { seen } = openWriter(redis)
  const costs: number[] = []
  for (let round = 0; round < 200; round++) {
    const keys = keysOf(`batch ${round}`, 5)
    const began = performance.now()
    await seen.check('fills', keys)
    costs.push(performance.now() - began)
    await seen.add('fills', keys)
  }
  // The machine may have other work: the rounds that it disturbed least are ours.
  const least = costs.toSorted((left, right) => left - right)[10] ?? Infinity
  console.error(`checking a batch of 5 fills takes ${least.toFixed(2)} ms (the 10th of 200)`)
  expect(least).toBeLessThan(await slowness())
})
