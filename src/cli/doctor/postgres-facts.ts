import type pg from 'pg'
import { fail, ok, warn, type Verdict } from './finding.ts'
import { skewVerdict } from './skew.ts'

/** `unique nulls not distinct`, which the fills need. */
const OLDEST = 15

const VERSION = `
select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major`

export const versionVerdict = async (pool: pg.Pool): Promise<Verdict> => {
  const { rows } = await pool.query<{ version: string; major: number }>(VERSION)
  const { version = '', major = 0 } = rows[0] ?? {}
  if (major >= OLDEST) return ok(`Postgres ${version}`)
  return fail(`Postgres ${version}: the schema needs ${OLDEST}`, `use Postgres ${OLDEST} or later`)
}

const WRITABLE = `
select pg_is_in_recovery() as replica, current_setting('default_transaction_read_only') = 'on' as readonly`

export const writableVerdict = async (pool: pg.Pool): Promise<Verdict> => {
  const { rows } = await pool.query<{ replica: boolean; readonly: boolean }>(WRITABLE)
  if (rows[0]?.replica === true)
    return fail('this is a replica, which takes no writes', 'set DATABASE_URL to its primary')
  if (rows[0]?.readonly !== true) return ok('it takes writes')
  return fail('transactions are read-only by default', 'set default_transaction_read_only to off for this user')
}

/** Superusers' own are not ours to use. */
const CONNECTIONS = `
select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most,
  (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used,
  (select count(*)::int from pg_stat_activity where application_name = 'polytape') as ours`

/** Four roles with up to eight each. */
const WANTED = 32
const LEAST = 5

export const connectionsVerdict = async (pool: pg.Pool): Promise<Verdict> => {
  const { rows } = await pool.query<{ most: number; used: number; ours: number }>(CONNECTIONS)
  const { most = 0, used = 0, ours = 0 } = rows[0] ?? {}
  const free = most - used
  const found = `${free} of ${most} free, ${ours} are polytape's (${WANTED} at most)`
  const remedy = 'raise max_connections, end what else is connected, or send those who read to DATABASE_POOLED_URL'
  if (free < LEAST) return fail(found, remedy)
  return free + ours < WANTED ? warn(found, remedy) : ok(found)
}

export const timeVerdict = async (pool: pg.Pool): Promise<Verdict> => {
  const sentMs = Date.now()
  const { rows } = await pool.query<{ ms: number }>('select extract(epoch from clock_timestamp())::float8 * 1000 as ms')
  const receivedMs = Date.now()
  return skewVerdict({ theirsMs: rows[0]?.ms ?? 0, sentMs, receivedMs, toleranceMs: 0, whose: "Postgres's" })
}
