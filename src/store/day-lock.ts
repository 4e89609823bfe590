import type { Pool } from 'pg'
import type { PartName } from './archives.ts'
import { withClient } from './checkout.ts'

export type Day = Pick<PartName, 'table' | 'day'>

export type DayLock = {
  /** Ends when the connection is cut that holds the lock: from then on somebody else may have it. */
  signal: AbortSignal
  /** To be asked right before what nobody else may do at the same time. */
  check: () => Promise<void>
}

const BEGIN = 'begin isolation level read committed'
/** The lock is held for hours; `transaction_timeout` is Postgres 17's. */
const UNBOUND = `
select set_config(name, '0', true) from pg_settings
where name in ('idle_in_transaction_session_timeout', 'transaction_timeout')`
const LOCK = `select pg_try_advisory_xact_lock(hashtext('archive'), hashtext($1)) as locked`
const HELD = `
select from pg_locks
where locktype = 'advisory' and granted and pid = pg_backend_pid()
  and classid = hashtext('archive')::oid and objid = hashtext($1)::oid and objsubid = 2`

/**
 * While `run` runs nobody else is at the day; undefined where somebody is. The lock is a transaction's, which a pooler in
 * transaction mode keeps on its connection as well; between its statements it has no snapshot, so it holds no vacuum back.
 */
export const withDayLocked = <T>(
  pool: Pool,
  { table, day }: Day,
  run: (lock: DayLock) => Promise<T>,
): Promise<T | undefined> =>
  withClient(pool, async (client) => {
    const key = [`${table} of ${day}`]
    const lost = new AbortController()
    const lose = (): void => lost.abort(new Error(`lost the lock of ${table} of ${day} with its connection`))
    const check = async (): Promise<void> => {
      if ((await client.query(HELD, key)).rowCount !== 1) lose()
      lost.signal.throwIfAborted()
    }
    client.once('error', lose)
    try {
      await client.query(BEGIN)
      await client.query(UNBOUND)
      const { rows } = await client.query<{ locked: boolean }>(LOCK, key)
      return rows[0]?.locked === true ? await run({ signal: lost.signal, check }) : undefined
    } finally {
      client.off('error', lose)
      await client.query('rollback').catch(() => undefined)
    }
  })
