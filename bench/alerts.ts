import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type pg from 'pg'
import { createRecords } from '../src/activities/normalizer-figures.ts'
import { runShard } from '../src/activities/normalizer-run.ts'
import { createHotCache } from '../src/cache/hot-cache.ts'
import { createCommitter } from '../src/store/commit.ts'
import { takeOwnership } from '../src/store/fence.ts'
import { openDeps } from '../test/support/normalizer-deps.ts'
import { openPostgres, openRedis } from '../test/support/services.ts'
import { profiled } from './support/profile.ts'

/**
 * What rules cost the normalizer: one shard in this process on a Redis and a Postgres of its own, frames from another
 * process, rules active and paused in turn. What rules take is told twice: by samples of
 * the call stack (all of src/alerts, and the reading and writing of rules), and by the CPU that a frame costs with and without.
 */
const { values } = parseArgs({
  options: {
    markets: { type: 'string', default: '500' },
    rules: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '20' },
    turns: { type: 'string', default: '2' },
  },
})

/** Of each condition some, with thresholds over the whole range: some hold, most do not. */
const RULES = `
insert into alerts (user_id, market_id, condition, threshold, "window", side, within, hysteresis, status)
select 'bench', 1000 + n % $2::int, kind, case kind when 'spread_above' then 0.02 + (n / $2::int) * 0.001
    when 'move_pct' then 1 + n % 20 when 'depth_below' then 100 + n % 900 when 'trade_size_above' then 500 + n % 500
    when 'resolved' then null when 'feed_stale' then null else (10 + (n * 7) % 80) / 100.0 end,
  case kind when 'move_pct' then make_interval(secs => 30 * (1 + n % 3)) end,
  case kind when 'depth_below' then (array['bid', 'ask', null])[1 + n % 3] end,
  case kind when 'depth_below' then 0.05 end, 0, 'paused'
from (select n, (array['price_above', 'price_below', 'price_above', 'price_below', 'price_above', 'price_below', 'price_above',
  'price_below', 'price_above', 'price_below', 'spread_above', 'spread_above', 'move_pct', 'move_pct', 'move_pct',
  'depth_below', 'depth_below', 'trade_size_above', 'resolved', 'feed_stale'])[1 + (n / $2::int) % 20] as kind
  from generate_series(0, $1::int - 1) n) r`

const isOfRules = (url: string): boolean => /\/src\/(alerts|activities\/[\w-]*alert|store\/alert)/.test(url)

/** The profiler is for a window of its own: when it starts, it stops the process for some 200 ms. */
const shareBySamples = async (): Promise<string> => {
  const cpu = process.cpuUsage()
  const oursMs = await profiled(() => sleep(Number(values.seconds) * 1_000), isOfRules)
  const { user, system } = process.cpuUsage(cpu)
  return ((oursMs * 100_000) / (user + system)).toFixed(1)
}

const LATENCY = `
select count(*)::int as fired, percentile_disc(array[0.5, 0.9, 0.99, 1]) within group
  (order by (extract(epoch from triggered_at - captured_at) * 1000)::int) as ms
from alert_events where triggered_at > $1 and condition not in ('resolved', 'feed_stale')`

const LANES = 20
const SETTLE_MS = 4_000

const startLoad = async (redisUrl: string): Promise<ChildProcess> => {
  const script = new URL('support/alert-load.ts', import.meta.url).pathname
  const given = ['--import', 'tsx', script, redisUrl, values.markets, values.rate]
  const child = spawn(process.execPath, given, { stdio: ['ignore', 'pipe', 'inherit'] })
  let ready = 0
  child.stdout.on('data', (chunk: Buffer) => (ready += chunk.toString().split('lane').length - 1))
  while (ready < LANES) await sleep(100)
  return child
}

type Turn = { name: string; cpuPercent: number; framesPerSecond: number }

const takeTurn = async (pool: pg.Pool, status: string, figure: (name: string) => number): Promise<Turn> => {
  await pool.query('update alerts set status = $1', [status])
  while ((await pool.query('select from alerts where checked_at is null limit 1')).rowCount !== 0) await sleep(200)
  await sleep(SETTLE_MS)
  const [cpu, timeMs, frames, since] = [process.cpuUsage(), performance.now(), figure('frames'), new Date()]
  await sleep(Number(values.seconds) * 1_000)
  const { user, system } = process.cpuUsage(cpu)
  const elapsedMs = performance.now() - timeMs
  const cpuPercent = (user + system) / elapsedMs / 10
  const framesPerSecond = (figure('frames') - frames) / (elapsedMs / 1_000)
  const { rows } = await pool.query<{ fired: number; ms: number[] | null }>(LATENCY, [since])
  const { fired = 0, ms } = rows[0] ?? {}
  const latency =
    ms === null || ms === undefined
      ? ''
      : `, event to trigger p50 ${ms[0]}, p90 ${ms[1]}, p99 ${ms[2]}, max ${ms[3]} ms`
  const [read, apply] = [figure('readP99Ms'), figure('applyP99Ms')]
  const share = await shareBySamples()
  console.log(
    `${status}: ${framesPerSecond.toFixed(0)} frames/s, CPU ${cpuPercent.toFixed(1)} %, ${fired} crossings${latency}; p99 receive to read ${read}, apply ${apply} ms; rules ${share} % by samples`,
  )
  return { name: status, cpuPercent, framesPerSecond }
}

const [server, database] = await Promise.all([openRedis(), openPostgres()])
const deps = openDeps({ redisUrl: server.url, databaseUrl: database.url })
const { pool } = deps
const stop = new AbortController()
const owner = await takeOwnership(pool, 0, 'bench')
const cache = createHotCache({ redis: deps.redis, ownerEpoch: owner.epoch })
const running = runShard({
  deps,
  shard: 0,
  cache,
  write: createCommitter({ ...deps, owner }),
  records: createRecords(deps.stats),
  signal: stop.signal,
})
const load = await startLoad(server.url)
await pool.query(RULES, [values.rules, values.markets])
const turns: Turn[] = []
for (let turn = 0; turn < Number(values.turns); turn++) {
  for (const status of ['paused', 'active'])
    turns.push(await takeTurn(pool, status, (name) => deps.stats.read()[name] ?? 0))
}
load.kill('SIGKILL')
stop.abort()
await running
const mean = (name: string): number => {
  const of = turns.filter((turn) => turn.name === name)
  return of.reduce((sum, { cpuPercent, framesPerSecond }) => sum + cpuPercent / framesPerSecond, 0) / of.length
}
const perFrame = (name: string): string => `${(mean(name) * 10_000).toFixed(1)} µs`
const share = (1 - mean('paused') / mean('active')) * 100
console.log(
  `a frame costs ${perFrame('paused')} with all rules paused, ${perFrame('active')} with them: rules take ${share.toFixed(1)} %`,
)
await deps[Symbol.asyncDispose]()
for (const one of [server, database]) {
  await one.stop()
  await one[Symbol.asyncDispose]()
}
process.exit()
