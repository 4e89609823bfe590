import type { ClientBase, Pool } from 'pg'
import type { MetricBucket, MetricSample } from '../domain/metric.ts'
import type { Copy } from './copy.ts'
import { instant } from './instant.ts'
import { createScript, type StatementTarget } from './script.ts'

const COLUMNS = 'market_id, metric_type, value, "window", measured_at'

const REMOVE = `
delete from derived_metrics d using jsonb_to_recordset($1::jsonb) as n(market_id text, measured_at timestamptz)
where d.market_id = n.market_id and d.measured_at = n.measured_at`

const toLines = ({ marketId, measuredTimeMs, values }: MetricSample): string[] => {
  const measuredAt = instant(measuredTimeMs)
  return values.map(({ type, window, text }) => `${marketId}\t${type}\t${text}\t${window}\t${measuredAt}\n`)
}

export const metricCopy = (samples: MetricSample[]): Copy => ({
  target: `derived_metrics (${COLUMNS})`,
  lines: samples.flatMap(toLines),
})

/** All rows of a market and instant are written together: before they are, those that were written before go. */
export const scriptRemoval = async (script: StatementTarget, samples: MetricSample[]): Promise<void> => {
  const again = samples
    .filter(({ isAgain }) => isAgain)
    .map(({ marketId, measuredTimeMs }) => ({ market_id: marketId, measured_at: instant(measuredTimeMs) }))
  if (again.length > 0) await script.query(REMOVE, [JSON.stringify(again)])
}

export const writeMetrics = async (client: ClientBase, samples: MetricSample[]): Promise<void> => {
  const script = createScript()
  await scriptRemoval(script, samples)
  script.copy([metricCopy(samples)])
  await script.send(client)
}

const UPSERT = `
insert into metric_buckets (market_id, step_ms, started_at, slots, opening)
select market_id, step_ms, started_at, slots, opening
from jsonb_to_recordset($1::jsonb) as n(market_id text, step_ms int, started_at timestamptz, slots jsonb, opening text)
order by market_id, step_ms, started_at
on conflict (market_id, step_ms, started_at)
do update set slots = excluded.slots, opening = coalesce(excluded.opening, metric_buckets.opening)`

const FORGET = `
delete from metric_buckets b
using (
  select market_id, step_ms, max(useful_from) as useful_from
  from jsonb_to_recordset($1::jsonb) as n(market_id text, step_ms int, useful_from timestamptz)
  group by market_id, step_ms
) n
where b.market_id = n.market_id and b.step_ms = n.step_ms and b.started_at < n.useful_from`

/** Buckets that closed, or that a late trade changed; those of their market that no window reaches any more go. */
export const writeMetricBuckets = async (client: StatementTarget, buckets: MetricBucket[]): Promise<void> => {
  if (buckets.length === 0) return
  const rows = buckets.map((bucket) => ({
    market_id: bucket.marketId,
    step_ms: bucket.stepMs,
    started_at: instant(bucket.startTimeMs),
    slots: bucket.slots,
    opening: bucket.opening,
    useful_from: instant(bucket.usefulFromTimeMs),
  }))
  const json = JSON.stringify(rows)
  await client.query(UPSERT, [json])
  await client.query(FORGET, [json])
}

type BucketRecord = {
  market_id: string
  step_ms: number
  started_at: Date
  slots: MetricBucket['slots']
  opening: string | null
}

const READ = 'select market_id, step_ms, started_at, slots, opening from metric_buckets where market_id = any($1)'

/** The closed buckets of these markets, by market. */
export const readMetricBuckets = async (pool: Pool, marketIds: string[]): Promise<Map<string, MetricBucket[]>> => {
  const { rows } = await pool.query<BucketRecord>(READ, [marketIds])
  const byMarket = new Map<string, MetricBucket[]>()
  for (const row of rows) {
    const bucket: MetricBucket = {
      marketId: row.market_id,
      stepMs: row.step_ms,
      startTimeMs: row.started_at.getTime(),
      slots: row.slots,
      opening: row.opening ?? undefined,
      usefulFromTimeMs: 0,
    }
    const others = byMarket.get(row.market_id)
    if (others === undefined) byMarket.set(row.market_id, [bucket])
    else others.push(bucket)
  }
  return byMarket
}

/** Of markets without news: buckets so old that no window will reach them, also after a day without a normalizer. */
export const pruneMetricBuckets = async (pool: Pool): Promise<number> => {
  const { rowCount } = await pool.query("delete from metric_buckets where started_at < now() - interval '49 hours'")
  return rowCount ?? 0
}
