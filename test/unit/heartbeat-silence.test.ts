import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { heartbeatText, parseHeartbeat, type Trouble } from '../../src/domain/heartbeat.ts'
import { findProblems, type Report, type Windows } from '../../src/heartbeats/silence.ts'

const NOW_MS = 1_800_000_000_000
const WINDOWS: Windows = {
  market_channel: 60_000,
  normalizer: 30_000,
  catalog: 300_000,
  liveness: 120_000,
  redis: 30_000,
  trades: 120_000,
}

const well = (ageMs: number): Report => ({ trouble: undefined, epoch: '', stampedTimeMs: NOW_MS - ageMs })
const troubled = (ageMs: number, trouble: Partial<Trouble>): Report => ({
  ...well(ageMs),
  epoch: '1-a',
  trouble: { reason: 'silent', forMs: 0, detail: '', markets: new Map(), ...trouble },
})

const find = (reports: Record<string, Report>, expected: string[] = [], sinceMs = 3_600_000) =>
  findProblems({
    reports: { nowMs: NOW_MS, sinceTimeMs: NOW_MS - sinceMs, bySubject: new Map(Object.entries(reports)) },
    expected: new Set(expected),
    windows: WINDOWS,
  })

const subject = fc.constantFrom('feed:0:a', 'feed:1:b', 'normalizer:0', 'normalizer:3', 'catalog:refreshCatalog')
const windowOf = (name: string): number =>
  name.startsWith('feed') ? 60_000 : name.startsWith('normalizer') ? 30_000 : 300_000

describe('who reports', () => {
  test('in time and owes nothing never raises an alert', () => {
    const property = fc.property(subject, fc.double({ min: 0, max: 1, noNaN: true }), (name, share) => {
      const report = well(Math.floor(share * windowOf(name)))
      expect(find({ [name]: report }, [name]).problems.size).toBe(0)
    })
    fc.assert(property)
  })

  test('too late always raises one, as soon as nobody has heard of it for its window', () => {
    const property = fc.property(subject, fc.integer({ min: 1, max: 10_000_000 }), (name, lateMs) => {
      const ageMs = windowOf(name) + lateMs
      const { problems } = find({ [name]: well(ageMs) }, [name], ageMs)
      expect(problems.get(name)).toMatchObject({ subject: name, reason: 'no_report' })
    })
    fc.assert(property)
  })

  test('what owes is an alert exactly when it is owed for longer than the window', () => {
    const property = fc.property(
      fc.integer({ min: 0, max: 120_000 }),
      fc.integer({ min: 0, max: 5_000 }),
      (forMs, ageMs) => {
        const reports = { 'feed:0:a': well(ageMs), 'connection:0:a:2': troubled(ageMs, { forMs }) }
        expect(find(reports, ['feed:0:a']).problems.has('connection:0:a:2')).toBe(forMs > 60_000)
      },
    )
    fc.assert(property)
  })

  test('was down together with the checks has its whole window again', () => {
    const old = { 'feed:0:a': well(3_600_000), 'normalizer:0': well(3_600_000) }
    expect(find(old, Object.keys(old), 29_000).problems.size).toBe(0)
    expect([...find(old, Object.keys(old), 31_000).problems.keys()]).toEqual(['normalizer:0'])
  })
})

describe('what a feed reports for', () => {
  const silent = troubled(70_000, { forMs: 90_000 })

  test('is unknown while the feed does not report: neither alarm nor recovery', () => {
    const { problems, unknown } = find({ 'feed:0:a': well(70_000), 'connection:0:a:0': silent }, ['feed:0:a'])
    expect([...problems.keys()]).toEqual(['feed:0:a'])
    expect([...unknown]).toEqual(['connection:0:a:0'])
    expect(problems.get('feed:0:a')?.concerned).toEqual({ type: 'group', group: 0 })
  })

  test('is gone when the feed reports without it', () => {
    const { problems, gone } = find({ 'feed:0:a': well(500), 'connection:0:a:0': silent }, ['feed:0:a'])
    expect(problems.size).toBe(0)
    expect(gone).toEqual(['connection:0:a:0'])
  })

  test('concerns only the markets that are owed something for longer than the window', () => {
    const markets = new Map([
      ['1', 61_000],
      ['2', 60_000],
      ['3', 200_000],
    ])
    const reports = { 'feed:0:a': well(0), 'connection:0:a:0': troubled(0, { forMs: 200_000, markets }) }
    const concerned = find(reports, ['feed:0:a']).problems.get('connection:0:a:0')?.concerned
    expect(concerned).toEqual({ type: 'markets', marketIds: ['1', '3'] })
  })
})

test('frames that are not applied are no alert of their own while a shard is one', () => {
  const late = troubled(0, { reason: 'not_applied', forMs: 90_000, markets: new Map([['1', 90_000]]) })
  const alone = { 'feed:0:a': well(0), 'applied:0:a': late, 'normalizer:0': well(0) }
  expect([...find(alone).problems.keys()]).toEqual(['applied:0:a'])
  const { problems, unknown } = find({ ...alone, 'normalizer:0': well(31_000) }, ['normalizer:0'])
  expect([...problems.keys()]).toEqual(['normalizer:0'])
  expect([...unknown]).toEqual(['applied:0:a'])
})

test('a feed whose group was given up, and a shard beyond the count, are forgotten and never missed', () => {
  for (const ageMs of [0, 59_999, 60_001, 300_000]) {
    const ended = { 'feed:7:a': well(ageMs), 'normalizer:3': well(ageMs) }
    expect(find(ended, ['feed:0:a', 'normalizer:0']).problems.size).toBe(0)
  }
  expect(find({ 'feed:7:a': well(60_001) }).gone).toEqual(['feed:7:a'])
  expect(find({ nonsense: well(0) }).gone).toEqual(['nonsense'])
})

test('a second replica that has reported is missed as long as its group has markets', () => {
  expect(find({ 'feed:7:b': well(60_001) }, ['feed:7:a']).problems.has('feed:7:b')).toBe(true)
})

test('a catalogue that nobody wants refreshed is not missed', () => {
  const late = { 'catalog:refreshCatalog': well(400_000) }
  expect(find(late, ['catalog:refreshCatalog']).problems.size).toBe(1)
  expect(find(late).problems.size).toBe(0)
})

test('what is reported is read back, and what is no report says only that somebody wrote', () => {
  const trouble: Trouble = { reason: 'stalled', forMs: 12, detail: 'why', markets: new Map([['516710', 12]]) }
  const text = heartbeatText({ trouble, epoch: '1-a', figures: { tokens: 4 } })
  expect(parseHeartbeat(text)).toEqual({ trouble, epoch: '1-a' })
  for (const odd of [
    '',
    'null',
    '[]',
    '{"reason":"odd","forMs":1}',
    '{"reason":"silent","forMs":"1"}',
    '{"epoch":7}',
  ]) {
    expect(parseHeartbeat(odd)).toEqual({ trouble: undefined, epoch: '' })
  }
})
