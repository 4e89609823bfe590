import { describe, expect, test } from 'vitest'
import { createDistribution } from '../../src/lib/distribution.ts'
import { createStats, type Stats } from '../../src/lib/stats.ts'
import { CATALOGUE, rowsOf } from '../../src/metrics/catalogue.ts'
import { createPage } from '../../src/metrics/page.ts'
import { EVERY_ROLE, type Role } from '../../src/metrics/row.ts'
import { Latency, LATENCY_BOUNDS_MS } from '../../src/normalizer/latency.ts'
import { parseExposition, valueIn, type Series } from '../support/exposition.ts'
import { metricsDocument } from '../support/metrics-document.ts'

const pageOf = async (role: Role, stats: Stats, more = ''): Promise<Series[]> =>
  parseExposition(await createPage({ role, stats, more: () => Promise.resolve(more) })())

describe('the table of metrics', () => {
  test('names each once, as Prometheus wants it, on at least one page', () => {
    const names = CATALOGUE.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { name, type, help, label, roles } of CATALOGUE) {
      expect(name.endsWith('_total'), `${name}: counters alone end so`).toBe(type === 'counter')
      expect(name).toMatch(/^polytape_[a-z_]+$/)
      expect(help, name).toMatch(/^[A-Z].*\.$/)
      expect(help, `${name}: one line`).not.toMatch(/[\n\\"]/)
      expect(label, `${name}: no label of an unbounded set`).toMatch(/^(?!market|token|outcome)[a-z]*$/)
      expect(roles.length, name).toBeGreaterThan(0)
    }
  })

  test('is what METRICS.md says', async () => {
    await expect(metricsDocument()).toMatchFileSnapshot('../../METRICS.md')
  })
})

describe('a page', () => {
  test.each(EVERY_ROLE)('of %s declares every metric of the role, and none of another', async (role) => {
    const text = await createPage({ role, stats: createStats(), more: () => Promise.resolve('') })()
    const declared = [...text.matchAll(/^# TYPE (polytape_\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`)
    expect(declared.toSorted()).toEqual(
      rowsOf(role)
        .map(({ name, type }) => `${name} ${type}`)
        .toSorted(),
    )
    expect(text).toMatch(/^process_cpu_seconds_total /m)
    expect(text).toMatch(/^nodejs_heap_size_used_bytes /m)
  })

  test('shows counters from 0 on, with the labels that are known before anything was counted', async () => {
    const stats = createStats()
    expect(valueIn(await pageOf('normalizer', stats), 'polytape_gaps_total', { reason: 'hash_mismatch' })).toBe(0)
    stats.count('gaps:hash_mismatch', 3)
    stats.count('framesReplayed', 7)
    stats.count('checksShed')
    const series = await pageOf('normalizer', stats)
    expect(valueIn(series, 'polytape_gaps_total', { reason: 'hash_mismatch' })).toBe(3)
    expect(valueIn(series, 'polytape_drops_total', { reason: 'replayed' })).toBe(7)
    expect(valueIn(series, 'polytape_checks_shed_total')).toBe(1)
  })

  test('keeps no series of a gauge that nobody speaks of any more', async () => {
    const stats = createStats()
    const page = createPage({ role: 'feed', stats, more: () => Promise.resolve('') })
    const read = async () => parseExposition(await page())
    const unfollow = stats.follow(() => [
      ['feedAgeMs:3:a', 1_500],
      ['clockSkewMs', -20],
    ])
    expect(valueIn(await read(), 'polytape_feed_age_seconds', { group: '3:a' })).toBe(1.5)
    expect(valueIn(await read(), 'polytape_clock_skew_seconds')).toBe(-0.02)
    unfollow()
    expect(valueIn(await read(), 'polytape_feed_age_seconds')).toBeUndefined()
    expect(valueIn(await read(), 'polytape_clock_skew_seconds'), 'unknown is not 0').toBeUndefined()
  })

  test('adds up what several say of one figure, and divides sums, not shares', async () => {
    const stats = createStats()
    expect(valueIn(await pageOf('normalizer', stats), 'polytape_verified_share')).toBeUndefined()
    stats.follow(() => [
      ['tokensProved', 1],
      ['tokensWithBook', 1],
      ['markets:live', 1],
      ['markets:live', 1],
    ])
    stats.follow(() =>
      Promise.resolve([
        ['tokensProved', 0],
        ['tokensWithBook', 3],
      ]),
    )
    stats.follow(() => Promise.reject(new Error('Redis is away')))
    const series = await pageOf('normalizer', stats)
    expect(valueIn(series, 'polytape_verified_share')).toBe(0.25)
    expect(valueIn(series, 'polytape_markets', { state: 'live' })).toBe(2)
  })

  test('is not kept by a look that hangs, which is counted and not asked again meanwhile', async () => {
    const stats = createStats()
    let asked = 0
    stats.follow(() => {
      asked += 1
      return new Promise(() => undefined)
    })
    stats.follow(() => [['clockSkewMs', 5]])
    const pages = await Promise.all([pageOf('feed', stats), pageOf('feed', stats)])
    for (const series of pages) expect(valueIn(series, 'polytape_clock_skew_seconds')).toBe(0.005)
    expect(asked).toBe(1)
    expect(stats.read()['looksLost']).toBe(2)
    expect(valueIn(await pageOf('control', stats), 'polytape_looks_lost_total')).toBe(3)
  })

  test('alone asks its looks: whoever reads counters hears of sockets too, and takes nothing from the next scrape', async () => {
    const stats = createStats()
    let asked = 0
    stats.follow(() => {
      asked += 1
      return []
    })
    stats.tally(() => [['redisBytes:out', 7]])
    expect(stats.readCounted()['redisBytes:out']).toBe(7)
    expect(asked).toBe(0)
    expect((await stats.readAll())['redisBytes:out']).toBe(7)
    expect(asked).toBe(1)
  })

  test('never has more than 101 values of a label', async () => {
    const stats = createStats()
    for (let at = 0; at < 5_000; at++) stats.count(`redisCalls:c${at}`)
    const calls = (await pageOf('archive', stats)).filter(({ name }) => name === 'polytape_redis_calls_total')
    expect(calls).toHaveLength(101)
    expect(calls.reduce((sum, { value }) => sum + value, 0)).toBe(5_000)
  })

  test('ends with what the Temporal SDK says', async () => {
    const series = await pageOf('feed', createStats(), 'temporal_request_total{operation="poll"} 4\n')
    expect(valueIn(series, 'temporal_request_total', { operation: 'poll' })).toBe(4)
  })
})

describe('a histogram', () => {
  test('of latencies counts in each bucket all that took no longer, in seconds', async () => {
    const stats = createStats()
    const latency = new Latency()
    stats.show('cache', latency)
    for (const ms of [0, 1, 7, 7, 150, 59_000]) latency.record(1_000, 1_000 + ms, 2)
    const series = await pageOf('normalizer', stats)
    const upTo = (le: string) => valueIn(series, 'polytape_latency_seconds_bucket', { stage: 'venue_to_cache', le })
    expect([upTo('0.001'), upTo('0.006'), upTo('0.008'), upTo('0.15'), upTo('60'), upTo('+Inf')]).toEqual([
      4, 4, 8, 10, 12, 12,
    ])
    expect(valueIn(series, 'polytape_latency_seconds_count', { stage: 'venue_to_cache' })).toBe(12)
    expect(valueIn(series, 'polytape_latency_seconds_sum', { stage: 'venue_to_cache' })).toBeCloseTo(118.33, 6)
    const buckets = series.filter(({ name }) => name === 'polytape_latency_seconds_bucket')
    expect(buckets).toHaveLength(LATENCY_BOUNDS_MS.length + 1)
  })

  test('without a label keeps what is above its last bound', async () => {
    const stats = createStats()
    const rows = createDistribution([10, 100])
    stats.show('batchRows', rows)
    for (const value of [10, 11, 5_000]) rows.record(value)
    const series = await pageOf('normalizer', stats)
    const upTo = (le: string) => valueIn(series, 'polytape_batch_rows_bucket', { le })
    expect([upTo('10'), upTo('100'), upTo('+Inf')]).toEqual([1, 2, 3])
    expect(valueIn(series, 'polytape_batch_rows_sum')).toBe(5_021)
  })
})
