import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toUsage } from '../../src/cost/figures.ts'
import { estimate } from '../../src/cost/estimate.ts'
import { mapUsage, NOTHING_USED, usedBetween, USAGE_NAMES, type Meter, type Usage } from '../../src/cost/usage.ts'
import { parsePrices, readPrices } from '../../src/price-file.ts'
import { heartbeatsIn } from '../../src/workers/temporal-meter.ts'

const HOUR_MS = 3_600_000
const standing = { hotDays: 30, redisBytes: 0 }
const prices = await readPrices()
const used = (some: Partial<Usage>, elapsedMs = HOUR_MS) => ({ usage: { ...NOTHING_USED, ...some }, elapsedMs })
const partsOf = (some: Partial<Usage>) => estimate(used(some), prices, standing).parts

test('the table of prices that comes along is whole, and each wrong price is named', async () => {
  expect(prices.redis.perMillionCommands).toBe(2_000_000)
  const text = readFileSync(new URL('../../prices.json', import.meta.url), 'utf8')
  const wrong = text.replace('"perMillionActions": "50"', '"perMillionActions": 50').replace('"0.35"', '"cheap"')
  expect(() => parsePrices(wrong)).toThrow(/postgres\.perGbMonth: expected dollars.*temporal\.perMillionActions/)
  await expect(readPrices('/nowhere/prices.json')).rejects.toThrow('the prices of /nowhere/prices.json do not fit')
})

test('a million commands of Redis an hour cost 730 times the price of a million', () => {
  expect(partsOf({ redisCommands: 1_000_000 })['redis_commands']).toBe(730 * 2_000_000)
})

test('what is stored costs as much as thirty days of it, what is logged as much as a day, what is archived a month', () => {
  const parts = partsOf({ storedBytes: 1e9, walBytes: 1e9, bookRows: 1e9 })
  expect(parts['postgres_storage']).toBe(24 * 30 * 350_000)
  expect(parts['postgres_history']).toBe(24 * 200_000)
  expect(parts['store_storage']).toBe(Math.round(9.2 * 730 * 23_000))
})

test('traffic within what is free costs nothing, and only what is above is billed', () => {
  expect(partsOf({ postgresSentBytes: 1e8 })['host_egress']).toBe(0)
  const gb = partsOf({ postgresSentBytes: 1e9, redisSentBytes: 1e9 })['host_egress']
  expect(gb).toBe((2 * 730 - 100) * 90_000)
})

test('all actions of Temporal are billed alike and told by their kind', () => {
  const found = estimate(used({ heartbeatActions: 1_500, scheduleActions: 500 }), prices, standing)
  expect(found.actionsPerHour).toMatchObject({ heartbeat: 1_500, schedule: 500, timer: 0 })
  expect(found.parts['temporal_actions']).toBe(2_000 * 730 * 50)
})

const amounts = fc.record(Object.fromEntries(USAGE_NAMES.map((name) => [name, fc.nat(1e9)]))) as fc.Arbitrary<Usage>

test('the total is the sum of its parts, grows with each thing that is used, and does not depend on for how long it was measured', () => {
  fc.assert(
    fc.property(amounts, fc.constantFrom(...USAGE_NAMES), fc.integer({ min: 1, max: 48 }), (usage, name, hours) => {
      const one = estimate({ usage, elapsedMs: HOUR_MS }, prices, standing)
      expect(one.totalMicrodollars).toBe(Object.values(one.parts).reduce((sum, part) => sum + part, 0))
      const more = estimate({ usage: { ...usage, [name]: usage[name] + 1e9 }, elapsedMs: HOUR_MS }, prices, standing)
      expect(more.totalMicrodollars).toBeGreaterThanOrEqual(one.totalMicrodollars)
      const longer = estimate(
        { usage: mapUsage((each) => usage[each] * hours), elapsedMs: hours * HOUR_MS },
        prices,
        standing,
      )
      expect(Math.abs(longer.totalMicrodollars - one.totalMicrodollars)).toBeLessThan(20)
    }),
  )
})

const meter = (frames: number, startedTimeMs: number): Meter => ({
  usage: { ...NOTHING_USED, frames },
  startedTimeMs,
  readTimeMs: 0,
})

test('a process that began anew counts from 0, one that was there before the first look counts from it', () => {
  const before = new Map([
    ['a', meter(100, 5)],
    ['b', meter(50, 5)],
  ])
  const now = new Map([
    ['a', meter(130, 5)],
    ['b', meter(7, 1_500)],
    ['c', meter(9, 1_200)],
    ['d', meter(1_000, 10)],
  ])
  expect(usedBetween(before, now, { fromMs: 1_000, toMs: 2_000 }).usage.frames).toBe(30 + 7 + 9)
})

test('only frames of a feed are frames of the venue, and a script is one billed command', () => {
  const figures = {
    frames: 10,
    'redisCalls:evalsha': 3,
    'redisCalls:xread': 2,
    'redis:commands': 40,
    'redis:roundTrips': 4,
  }
  expect(toUsage('feed', figures)).toMatchObject({
    frames: 10,
    redisCommands: 5,
    redisInnerCommands: 40,
    redisRoundTrips: 4,
  })
  expect(toUsage('normalizer', figures).frames).toBe(0)
  expect(toUsage('normalizer', { 'rows:order_books': 100, 'rows:fills': 1 })).toMatchObject({
    bookRows: 100,
    rows: 101,
  })
})

test('heartbeats are counted as the SDK says that it sent them, over all namespaces', () => {
  const line = (operation: string, count: number) =>
    `temporal_request_total{namespace="default",operation="${operation}",service_name="temporal-core-sdk"} ${count}\n`
  expect(heartbeatsIn(line('RecordActivityTaskHeartbeat', 12) + line('PollActivityTaskQueue', 99))).toBe(12)
  expect(heartbeatsIn('')).toBe(0)
})
