import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Ledger } from '../../src/emulator/ledger.ts'
import { rowsOf } from '../../src/metrics/catalogue.ts'
import { EVERY_ROLE, type Role } from '../../src/metrics/row.ts'
import { parseExposition, valueIn, type Series } from '../support/exposition.ts'
import { readGaps, settle, type Recording } from '../support/recording.ts'
import { openServedRecording, type ServedRecording } from '../support/served-recording.ts'
import type { TestPostgres, TestRedis } from '../support/services.ts'
import type { TestServer } from '../support/services-process.ts'
import { until } from '../support/system.ts'

/** The whole product as `npm start` runs it, on servers that the test takes away, asked as Prometheus asks. */
const MARKETS = 6

let served: ServedRecording
let redis: TestRedis
let postgres: TestPostgres
let recording: Recording
let ledger: Ledger

beforeAll(async () => {
  served = await openServedRecording({ markets: MARKETS, rate: 60 })
  ;({ redis, postgres, recording } = served)
  await until('some hundred frames beside the first books', async () => (await countIn('order_books')) > 900)
  ledger = await settle(recording)
})

afterAll(() => served[Symbol.asyncDispose]())

const folder = (): string => recording.system.folder.state.path('targets')

/** As Prometheus finds it: by the file that the process wrote. */
const addressOf = (role: Role): string => {
  const file = `${role}-${recording.system.pidOf(role)}.json`
  const [target] = JSON.parse(readFileSync(join(folder(), file), 'utf8')) as {
    targets: string[]
    labels: { job: string }
  }[]
  expect(target?.labels.job).toBe(role)
  return target?.targets[0] ?? ''
}

const get = async (role: Role, path: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(`http://${addressOf(role)}${path}`)
  return { status: response.status, text: await response.text() }
}

const scrape = async (role: Role): Promise<Series[]> => parseExposition((await get(role, '/metrics')).text)

const statusOf = async (role: Role, path: string): Promise<number> => (await get(role, path)).status

const countIn = async (table: string): Promise<number> => {
  const { rows } = await recording.pool.query<{ count: number }>(`select count(*)::int as count from ${table}`)
  return rows[0]?.count ?? -1
}

const sentOf = (count: (sent: Ledger['tokens'][number]['sent']) => number): number =>
  ledger.tokens.reduce((sum, { sent }) => sum + count(sent), 0)

describe('the pages of the running system', () => {
  test.each(EVERY_ROLE)(
    '%s answers on loopback with every metric of its own, of the SDK and of the process',
    async (role) => {
      expect(addressOf(role)).toMatch(/^127\.0\.0\.1:\d+$/)
      const { status } = await get(role, '/metrics')
      expect(status).toBe(200)
      // The SDK's own part is left out where it is late.
      const { text } = await until('the figures of the SDK', async () => {
        const page = await get(role, '/metrics')
        return page.text.includes('\ntemporal_request_total{') ? page : undefined
      })
      const declared = [...text.matchAll(/^# TYPE (polytape_\w+) /gm)].map((match) => match[1] ?? '')
      expect(declared.toSorted()).toEqual(
        rowsOf(role)
          .map(({ name }) => name)
          .toSorted(),
      )
      expect(text).toMatch(/^temporal_request_total\{/m)
      expect(text).toMatch(/^process_resident_memory_bytes /m)
      expect(valueIn(parseExposition(text), 'polytape_redis_bytes_total', { direction: 'out' })).toBeGreaterThan(0)
    },
  )

  test('has no id of a market, a token or an outcome, and no password in it', async () => {
    const { rows } = await recording.pool.query<{ id: string }>(
      'select market_id as id from markets union all select tokens from outcomes union all select outcome_id from outcomes',
    )
    const ids = new Set(rows.map(({ id }) => id))
    const password = new URL(postgres.url).password
    expect(ids.size).toBeGreaterThan(MARKETS)
    for (const role of EVERY_ROLE) {
      const pages = await Promise.all(['/metrics', '/healthz', '/readyz'].map((path) => get(role, path)))
      const values = parseExposition(pages[0]?.text ?? '').flatMap(({ labels }) => Object.values(labels))
      expect(
        values.filter((value) => ids.has(value)),
        role,
      ).toEqual([])
      expect(
        pages.filter(({ text }) => password !== '' && text.includes(password)),
        role,
      ).toEqual([])
    }
  })

  test('agrees with what the venue sent and what was recorded', async () => {
    const feed = await scrape('feed')
    // A figure for which Redis is asked is left out where the answer is late.
    const normalizer = await until('the length of the streams', async () => {
      const series = await scrape('normalizer')
      return valueIn(series, 'polytape_stream_lag_entries') === undefined ? undefined : series
    })
    const applied = (type: string) => valueIn(normalizer, 'polytape_frames_applied_total', { type }) ?? 0
    expect(applied('book')).toBe(sentOf(({ snapshots, books }) => snapshots + books))
    expect(applied('last_trade_price')).toBe(sentOf(({ trades }) => trades))
    const types = ['book', 'price_change', 'last_trade_price', 'tick_size_change', 'best_bid_ask', 'new_market']
    const all = types.reduce((sum, type) => sum + applied(type), 0)
    expect(valueIn(feed, 'polytape_frames_total', { feed: 'market_channel' })).toBe(all)
    for (const table of ['order_books', 'fills', 'feed_gaps', 'dead_letters']) {
      expect(valueIn(normalizer, 'polytape_rows_total', { table }), table).toBe(await countIn(table))
    }
    expect(valueIn(normalizer, 'polytape_markets', { state: 'live' })).toBe(MARKETS)
    expect(valueIn(normalizer, 'polytape_gaps_open')).toBe(0)
    expect(valueIn(normalizer, 'polytape_stream_lag_entries')).toBe(0)
    expect(valueIn(normalizer, 'polytape_verified_share')).toBe(1)
    expect(valueIn(normalizer, 'polytape_gaps_total')).toBe((await readGaps(recording.pool)).length)
    expect(valueIn(feed, 'polytape_tokens_subscribed')).toBe(2 * MARKETS)
    expect(valueIn(feed, 'polytape_connections')).toBe(1)
  })

  test('counts every stage of the same frames, and the stages add up to the whole', async () => {
    const series = await scrape('normalizer')
    const of = (part: 'sum' | 'count', stage: string) =>
      valueIn(series, `polytape_latency_seconds_${part}`, { stage }) ?? NaN
    const stages = ['venue_to_receive', 'receive_to_stream', 'stream_to_applied', 'applied_to_cache', 'venue_to_cache']
    expect(new Set(stages.map((stage) => of('count', stage))).size).toBe(1)
    expect(of('count', 'venue_to_commit')).toBe(of('count', 'applied_to_commit'))
    expect(of('count', 'venue_to_cache')).toBeGreaterThan(20)
    // On one host the clocks are one; what a stage ended before it began, by the ms in which ids and frames are stamped, counts as nothing.
    const parts = stages.slice(0, 4).reduce((sum, stage) => sum + of('sum', stage), 0)
    expect(parts).toBeGreaterThanOrEqual(of('sum', 'venue_to_cache') - 1e-6)
    expect(parts).toBeLessThan(of('sum', 'venue_to_cache') + 0.002 * of('count', 'venue_to_cache'))
  })
})

describe('health', () => {
  test.each(EVERY_ROLE)('%s is alive and ready', async (role) => {
    await until(`${role} to be ready`, async () => (await statusOf(role, '/readyz')) === 200)
    expect(await statusOf(role, '/healthz')).toBe(200)
  })

  /** Sum over the roles. */
  const countOf = async (metric: string, labels: Record<string, string> = {}): Promise<number> => {
    const counts = await Promise.all(EVERY_ROLE.map(async (role) => valueIn(await scrape(role), metric, labels) ?? 0))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  const without = async (name: 'Redis' | 'Postgres', server: TestServer): Promise<void> => {
    await server.stop()
    await until(`every role to miss ${name}`, async () => {
      const answers = await Promise.all(EVERY_ROLE.map((role) => get(role, '/readyz')))
      return answers.every(({ status, text }) => status === 503 && text.includes(`${name} does not answer`))
    })
    const alive = await Promise.all(EVERY_ROLE.map((role) => statusOf(role, '/healthz')))
    expect(alive, 'a restart would not help').toEqual([200, 200, 200, 200])
    const errors = `polytape_${name.toLowerCase()}_errors_total`
    await until('something that failed', async () => (await countOf(errors, { class: 'connection' })) > 0)
    await server.start()
    await until(`every role to be ready with ${name}`, async () => {
      const statuses = await Promise.all(EVERY_ROLE.map((role) => statusOf(role, '/readyz')))
      return statuses.every((status) => status === 200)
    })
  }

  test('says that Redis does not answer while it is away, and is ready when it is back', async () => {
    await without('Redis', redis)
  })

  test('says that Postgres does not answer while it is away, and counts what was tried again', async () => {
    await recording.venue.post('resume')
    await without('Postgres', postgres)
    await until('a commit that was tried again', async () => (await countOf('polytape_postgres_retries_total')) > 0)
  })

  test('leaves no target behind when it ends', async () => {
    await recording.system.stop()
    expect(existsSync(folder()) ? readdirSync(folder()) : []).toEqual([])
  })
})
