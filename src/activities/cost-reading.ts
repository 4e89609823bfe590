import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { mapUsage, NOTHING_USED, USAGE_NAMES, type Meter, type Meters } from '../cost/usage.ts'
import { COST_USAGE_KEY } from '../domain/keys.ts'

/** Who has not told for so long is no more. */
const GONE_AFTER_MS = 600_000
/** Of all that Postgres wrote since its cluster was made: what we add between two readings is nearly all of it. */
const WAL = `select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text as bytes`

const toMeter = (text: string): Meter | undefined => {
  const found: unknown = JSON.parse(text)
  if (typeof found !== 'object' || found === null) return undefined
  if (!('usage' in found && 'startedTimeMs' in found && 'readTimeMs' in found)) return undefined
  const { usage, startedTimeMs, readTimeMs } = found
  if (typeof usage !== 'object' || usage === null) return undefined
  const amounts = new Map(Object.entries(usage).map(([name, amount]) => [name, Number(amount)]))
  return {
    usage: mapUsage((name) => amounts.get(name) ?? 0),
    startedTimeMs: Number(startedTimeMs),
    readTimeMs: Number(readTimeMs),
  }
}

/** Undefined where a server does not say, such as a standby. */
const readWal = async (pool: Pool): Promise<Meter | undefined> => {
  const { rows } = await pool.query<{ bytes: string }>(WAL).catch(() => ({ rows: [] }))
  const [row] = rows
  if (row === undefined) return undefined
  return { usage: { ...NOTHING_USED, walBytes: Number(row.bytes) }, startedTimeMs: 0, readTimeMs: Date.now() }
}

/** Bytes that Redis holds; 0 where it does not say. */
export const readRedisBytes = async (redis: Redis): Promise<number> =>
  Number(/^used_memory:(\d+)/m.exec(await redis.info('memory').catch(() => ''))?.[1] ?? 0)

/** What all processes and Postgres have used, by name. */
export const readMeters = async (redis: Redis, pool: Pool): Promise<Meters> => {
  const [fields, wal] = await Promise.all([redis.hgetall(COST_USAGE_KEY), readWal(pool)])
  const meters = new Map<string, Meter>(wal === undefined ? [] : [['postgres', wal]])
  const gone: string[] = []
  for (const [name, text] of Object.entries(fields)) {
    const meter = toMeter(text)
    if (meter === undefined || Date.now() - meter.readTimeMs > GONE_AFTER_MS) gone.push(name)
    else meters.set(name, meter)
  }
  if (gone.length > 0) await redis.hdel(COST_USAGE_KEY, ...gone)
  return meters
}

/** @throws when Redis does not answer. */
export const writeMeter = async (redis: Redis, name: string, meter: Meter): Promise<void> => {
  const used = USAGE_NAMES.filter((one) => meter.usage[one] > 0)
  const usage = Object.fromEntries(used.map((one) => [one, meter.usage[one]]))
  await redis.hset(COST_USAGE_KEY, name, JSON.stringify({ ...meter, usage }))
}
