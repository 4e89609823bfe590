import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import type { Batch } from '../../src/normalizer/batch.ts'
import { createCommitter } from '../../src/store/commit.ts'
import { moveOffsets, takeOwnership } from '../../src/store/fence.ts'
import { pruneMetricBuckets } from '../../src/store/metrics.ts'
import { openOffsets } from '../../src/store/offsets.ts'
import { offsetBatch } from '../support/offset-batch.ts'
import { boundaryAfter, inOrder } from '../support/metrics-flow.ts'
import { differences, instantsOf, metricsTruth, type Truth, type TruthFill } from '../support/metrics-truth.ts'
import { createFlow, gammaText, tokensOf, type Flow } from '../support/normalizer-flow.ts'
import { committed, readRows, startShard, until } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'
import { tradeText } from '../support/trades.ts'

const { database, redis, addresses, tables } = await openStores()
const { pool } = database

const CHILD = join(import.meta.dirname, '../support/normalizer-child.ts')
const README = join(import.meta.dirname, '../../README.md')

const readFills = async (marketId: string): Promise<TruthFill[]> => {
  const sql = `select captured_at, outcome_id, price, size from fills
    where market_id = $1 and source <> 'data_api' order by fill_id`
  const { rows } = await pool.query<{ captured_at: Date; outcome_id: string; price: string; size: string }>(sql, [marketId]) // prettier-ignore
  return rows.map(({ captured_at, outcome_id, price, size }) => {
    return { capturedTimeMs: captured_at.getTime(), outcomeIndex: Number(outcome_id.split(':')[1]), price, size }
  })
}

type MetricRecord = { measured_at: Date; window: string; metric_type: string; value: string }

/** By boundary. */
const readMetrics = async (marketId: string): Promise<Map<number, Truth>> => {
  const sql = `select measured_at, "window"::text, metric_type, trim_scale(value)::text as value
    from derived_metrics where market_id = $1`
  const { rows } = await pool.query<MetricRecord>(sql, [marketId])
  const byTime = new Map<number, Truth>()
  for (const row of rows) {
    const values = byTime.get(row.measured_at.getTime()) ?? new Map<string, string>()
    byTime.set(row.measured_at.getTime(), values.set(`${row.window} ${row.metric_type}`, row.value))
  }
  return byTime
}

/** Waits for the rows of the last boundary, then holds all to brute force over the rows of books and fills. */
const expectMeasured = async (marketId: string): Promise<Map<number, Truth>> => {
  await committed(tables(), `orderbook:${marketId}`)
  const rows = await readRows(pool, `${marketId}:0`)
  const fills = await readFills(marketId)
  const boundaries = inOrder([...rows, ...fills].map(({ capturedTimeMs }) => boundaryAfter(capturedTimeMs)))
  const instants = instantsOf(rows)
  const isRight = async (): Promise<boolean> => {
    const newest = (await readMetrics(marketId)).get(boundaries.at(-1) ?? 0) ?? new Map()
    return differences(newest, metricsTruth(instants, fills, boundaries.at(-1) ?? 0)).length === 0
  }
  await until('the rows of the last boundary are written', isRight)
  const written = await readMetrics(marketId)
  expect(inOrder(written.keys())).toEqual(boundaries)
  for (const [measuredTimeMs, values] of written) {
    expect(differences(values, metricsTruth(instants, fills, measuredTimeMs))).toEqual([])
  }
  return written
}

/** A receive clock of hours ago that goes on in steps: minutes pass in a moment. */
const createClock = () => {
  let timeMs = Date.now() - 20 * 3_600_000
  let seed = 11
  const random = (limit: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((seed / 2 ** 31) * limit)
  }
  return {
    random,
    now: (): number => timeMs,
    pass: (): void => void (timeMs += random(20) === 0 ? random(400_000) : random(3_000)),
  }
}

const happen = async (flow: Flow, marketId: string, { random, now }: ReturnType<typeof createClock>): Promise<void> => {
  const kind = random(12)
  if (kind === 0) {
    await flow.gap(marketId, 'disconnect')
    return
  }
  if (kind === 1) return flow.books(marketId)
  if (kind > 4) return flow.changes(marketId, 1 + random(4))
  const token = tokensOf(marketId)[random(2)] ?? ''
  const shape = { price: `0.${1 + random(98)}`, size: `${1 + random(900)}.25`, side: 'BUY', hash: `0x${random(9)}`, timeMs: now() } // prettier-ignore
  await flow.append(marketId, [['websocket', tradeText(token, shape)]])
}

test('every metric that is written equals brute force over order_books and fills, through gaps, jumps and kill -9', async () => {
  const clock = createClock()
  const flow = createFlow(redis, 1, clock.now)
  await flow.catalogue([gammaText('61'), gammaText('62')])
  for (const marketId of ['61', '62']) await flow.books(marketId)
  const measured = async (): Promise<number> =>
    Number((await pool.query<{ count: string }>('select count(distinct measured_at) from derived_metrics')).rows[0]?.count) // prettier-ignore
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, ['--import', 'tsx', CHILD, addresses.redisUrl, addresses.databaseUrl], { stdio: ['ignore', 'pipe', 'inherit'] }) // prettier-ignore
    const before = await measured()
    let isFlowing = true
    const flowing = (async () => {
      while (isFlowing) {
        await happen(flow, clock.random(4) === 0 ? '62' : '61', clock)
        clock.pass()
        await sleep(4)
      }
    })()
    await until('rows of this run are committed', async () => (await measured()) > before + 25)
    child.kill('SIGKILL')
    await once(child, 'exit')
    isFlowing = false
    await flowing
  }
  await using shard = startShard(addresses)
  const written = [...(await expectMeasured('61')), ...(await expectMeasured('62'))]
  expect(written.filter(([, values]) => values.has('00:01:00 spread')).length).toBeGreaterThan(10)
  expect(shard.stats.read()['metricsLate'] ?? 0).toBe(0)
})

test('the example of the README gives the newest metrics of a market', async () => {
  const [, text = ''] = /```sql\n((?:(?!```)[^])*metrics_at\([^]*?)```/.exec(await readFile(README, 'utf8')) ?? []
  const statements = text.replaceAll('516710', '61').split(';').filter((statement) => statement.trim() !== '') // prettier-ignore
  expect(statements.length).toBeGreaterThan(1)
  for (const statement of statements) expect((await pool.query(statement)).rows.length).toBeGreaterThan(0)
})

const batchOf = (expected: string, lastId: string, revision: number): Batch =>
  offsetBatch({ stream: 'orderbook:63', expected, lastId, revision })

test('rows that are due by time alone, with no offset that moves, outlive a commit that broke off', async () => {
  const owner = await takeOwnership(pool, 63, 'a test')
  const stats = createStats()
  const commit = createCommitter({ pool, owner, stats, log: createLog('normalizer', 'silent'), config: readConfig({}) })
  const { signal } = new AbortController()
  await openOffsets(pool, ['orderbook:63'])
  await commit(batchOf('0-0', '1-0', 1), signal)
  const due = batchOf('1-0', '1-0', 2)
  const values = [{ type: 'coverage', window: '00:01:00', text: '1' }]
  due.metrics.set('63', { marketId: '63', measuredTimeMs: 1_790_000_000_000, isAgain: false, values })
  const locker = await pool.connect()
  await locker.query('begin; lock table derived_metrics in access exclusive mode')
  const committing = commit(due, signal)
  const broken = "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()" // prettier-ignore
  await until('the commit is broken off', async () => ((await pool.query(broken)).rowCount ?? 0) > 0)
  await locker.query('rollback')
  locker.release()
  await committing
  expect(stats.read()['commitsFoundDone'] ?? 0).toBe(0)
  expect([...(await readMetrics('63')).keys()]).toEqual([1_790_000_000_000])
  // Whoever tries once more, not knowing that it is committed, is refused: its rows would be there twice.
  const client = await pool.connect()
  const again = moveOffsets(client, owner, [...due.offsets.values()]).finally(() => client.release())
  await expect(again).rejects.toThrow('moved by another writer')
})

test('buckets that no window reaches any more are dropped', async () => {
  const insert = `insert into metric_buckets (market_id, step_ms, started_at, slots)
    select '64', 900000, now() - make_interval(hours => h), '{}' from unnest(array[1, 48, 50, 300]) as h`
  await pool.query(insert)
  await pruneMetricBuckets(pool)
  const sql = "select round(extract(epoch from now() - started_at) / 3600)::int as hours from metric_buckets where market_id = '64' order by 1" // prettier-ignore
  expect((await pool.query<{ hours: number }>(sql)).rows.map(({ hours }) => hours)).toEqual([1, 48])
})
