import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findPatient } from '../../src/cli/doctor/doctor.ts'
import { skewVerdict } from '../../src/cli/doctor/skew.ts'
import { memoryVerdict } from '../../src/cli/doctor/redis-facts.ts'
import { knownSecrets, withoutSecrets } from '../../src/cli/doctor/secrets.ts'
import { tlsVerdict } from '../../src/cli/doctor/postgres.ts'
import { directUrlOf } from '../../src/store/pooler.ts'
import { pollDelayMs } from '../../src/stream/ready-wait.ts'

test('a poll is late by at most a quarter of the quiet before it, and a quiet minute costs few polls', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (quietMs) => {
      const delayMs = pollDelayMs(quietMs)
      expect(delayMs).toBeLessThanOrEqual(Math.max(5, quietMs / 4))
      expect(delayMs).toBeGreaterThanOrEqual(5)
      expect(delayMs).toBeLessThanOrEqual(250)
    }),
  )
  let [quietMs, polls] = [0, 0]
  for (; quietMs < 60_000; polls++) quietMs += pollDelayMs(quietMs)
  expect(polls).toBeLessThan(260)
})

test("a pooled host of Neon's is known by its name, and its direct one with it", () => {
  const pooled = 'postgres://u:p@ep-cool-1-pooler.us-east-2.aws.neon.tech/db?sslmode=require'
  expect(directUrlOf(pooled)).toBe('postgres://u:p@ep-cool-1.us-east-2.aws.neon.tech/db?sslmode=require')
  expect(directUrlOf('postgres://u:p@my-pooler/db')).toBeUndefined()
  expect(directUrlOf('postgres://127.0.0.1:5432/db')).toBeUndefined()
})

test('certificates are verified unless the address says otherwise, and that is told', () => {
  const levelOf = (url: string): string => tlsVerdict({ url, source: '' }).level
  expect(levelOf('postgres://db.example.com/x')).toBe('warn')
  expect(levelOf('postgres://127.0.0.1/x')).toBe('ok')
  for (const mode of ['require', 'verify-ca', 'verify-full']) {
    expect(levelOf(`postgres://db.example.com/x?sslmode=${mode}`)).toBe('ok')
  }
  expect(levelOf('postgres://db.example.com/x?sslmode=no-verify')).toBe('warn')
  expect(levelOf('postgres://db.example.com/x?sslmode=require&uselibpqcompat=true')).toBe('warn')
})

test('a skew is only what the way there and back cannot explain', () => {
  const levelOf = (theirsMs: number, tookMs: number): string =>
    skewVerdict({ theirsMs, sentMs: 0, receivedMs: tookMs, toleranceMs: 0, whose: '' }).level
  expect(levelOf(500, 1_000)).toBe('ok')
  expect(levelOf(900, 1_000)).toBe('ok')
  expect(levelOf(2_000, 1_000)).toBe('warn')
  expect(levelOf(-60_000, 1_000)).toBe('FAIL')
})

test('a secret is taken out wherever it is, and whole where one is part of another', () => {
  expect(withoutSecrets('a secret-long and a secret', ['secret-long', 'secret'])).toBe('a *** and a ***')
})

test('a password that is no encoding is a secret as it stands', () => {
  const patient = findPatient({
    DATABASE_URL: 'postgres://u:100%25 sure@db/x',
    REDIS_URL: 'redis://:half%of@cache:6379',
  })
  expect(knownSecrets(patient)).toEqual(expect.arrayContaining(['100% sure', 'half%of']))
})

test('memory of Redis is measured by its own limit, and without one by what its machine has', () => {
  const levelOf = (facts: Record<string, string>): string =>
    memoryVerdict(new Map(Object.entries({ used_memory: '70', ...facts }))).level
  expect(levelOf({ maxmemory: '100', total_system_memory: '1000' })).toBe('warn')
  expect(levelOf({ maxmemory: '0', total_system_memory: '1000' })).toBe('ok')
  expect(levelOf({ maxmemory: '0', total_system_memory: '110' })).toBe('warn')
  expect(levelOf({ maxmemory: '0', total_system_memory: '80' })).toBe('FAIL')
  expect(levelOf({})).toBe('ok')
})
