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

const LOCK = `select pg_try_advisory_lock(hashtext('archive'), hashtext($1)) as locked`
const UNLOCK = `select pg_advisory_unlock(hashtext('archive'), hashtext($1))`
const HELD = `
select from pg_locks
where locktype = 'advisory' and granted and pid = pg_backend_pid()
  and classid = hashtext('archive')::oid and objid = hashtext($1)::oid and objsubid = 2`

/** While `run` runs nobody else is at the day; undefined where somebody is. No transaction is open meanwhile. */
export const withDayLocked = <T>(
  pool: Pool,
  { table, day }: Day,
  run: (lock: DayLock) => Promise<T>,
): Promise<T | undefined> =>
  withClient(pool, async (client) => {
    const key = [`${table} of ${day}`]
    const { rows } = await client.query<{ locked: boolean }>(LOCK, key)
    if (rows[0]?.locked !== true) return undefined
    const lost = new AbortController()
    const lose = (): void => lost.abort(new Error(`lost the lock of ${table} of ${day} with its connection`))
    client.once('error', lose)
    const check = async (): Promise<void> => {
      if ((await client.query(HELD, key)).rowCount !== 1) lose()
      lost.signal.throwIfAborted()
    }
    try {
      return await run({ signal: lost.signal, check })
    } finally {
      client.off('error', lose)
      await client.query(UNLOCK, key).catch(() => undefined)
    }
  })
