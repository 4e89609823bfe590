import type { ClientBase, Pool } from 'pg'
import { withClient } from './checkout.ts'
import { copyLines } from './script.ts'

type Day = { table: string; day: string }

const stagingOf = ({ table, day }: Day): string => `${table}_restored_${day.replaceAll('-', '')}`

const keyOf = (name: Day): string => `${stagingOf(name)}_key`

/**
 * An empty table of its own with all that a partition has, and none of its rows twice by `key`: what an earlier try left is
 * gone.
 */
export const openStaging = async (pool: Pool, name: Day, key: readonly string[]): Promise<string> => {
  const staging = stagingOf(name)
  await pool.query(`drop table if exists ${staging}`)
  await pool.query(`create table ${staging} (like ${name.table} including all excluding comments)`)
  await pool.query(`create unique index ${keyOf(name)} on ${staging} (${key.join(', ')})`)
  return staging
}

/** In one short transaction. */
export const copyInto = (
  pool: Pool,
  { target, columns, lines }: { target: string; columns: string; lines: string[] },
): Promise<void> =>
  withClient(pool, async (client) => {
    try {
      await client.query(`begin; set local timezone = 'UTC'`)
      await copyLines(client, `${target} (${columns})`, lines)
      await client.query('commit')
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  })

/** An object whose rows are in the staging table. */
type Loaded = { part: number; sha256: string }

const DROPPED = `
select part::int as part, sha256 from archives
where table_name = $1 and day = $2 and dropped_at is not null and restored_at is null order by part for update`

const textOf = (parts: Loaded[]): string => parts.map(({ part, sha256 }) => `part ${part} (${sha256})`).join(', ')

/** @throws Error where what was loaded is not all that the archive alone has of the day. */
const markRestored = async (client: ClientBase, { table, day }: Day, loaded: Loaded[]): Promise<void> => {
  const { rows: dropped } = await client.query<Loaded>(DROPPED, [table, day])
  const [expected, found] = [textOf(dropped), textOf(loaded.toSorted((left, right) => left.part - right.part))]
  if (found !== expected) throw new Error(`expected ${expected} of ${table} of ${day} to be loaded, it is ${found}`)
  const sql = `update archives set restored_at = clock_timestamp() where table_name = $1 and day = $2 and part = any($3)`
  await client.query(sql, [table, day, loaded.map(({ part }) => part)])
}

/**
 * The rows of the objects are there: from now on the day is read in Postgres. All of it or nothing.
 *
 * @throws Error where the archive has other objects by now than those that were loaded.
 */
export const attachStaging = (pool: Pool, { table, day }: Day, loaded: Loaded[]): Promise<void> =>
  withClient(pool, async (client) => {
    const staging = stagingOf({ table, day })
    try {
      await client.query(`begin; set local lock_timeout = '2s'`)
      await client.query('select lock_partitions($1)', [table])
      await markRestored(client, { table, day }, loaded)
      const { rows } = await client.query<{ name: string }>('select partition_name($1, $2) as name', [table, day])
      const name = rows[0]?.name ?? ''
      await client.query(`drop index ${keyOf({ table, day })}`)
      await client.query(`alter table ${staging} rename to ${name}`)
      const [from, to] = [day, new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10)]
      await client.query(
        `alter table ${table} attach partition ${name} for values from ('${from} 00:00:00+00') to ('${to} 00:00:00+00')`,
      )
      await client.query('select unseal_partition($1, $2)', [table, day])
      await client.query('commit')
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  })

export const dropStaging = async (pool: Pool, name: Day): Promise<void> => {
  await pool.query(`drop table if exists ${stagingOf(name)}`)
}
