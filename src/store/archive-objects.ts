import type { Pool } from 'pg'
import type { Manifest } from '../archive/manifest.ts'
import type { Day } from './day-lock.ts'

const IS_OURS = `
select exists (select from archive_objects where object_key = $1) or exists (select from archives where object_key = $1) as ours`

/** Whether this database wrote the object, or began to. */
export const isOurObject = async (pool: Pool, key: string): Promise<boolean> =>
  (await pool.query<{ ours: boolean }>(IS_OURS, [key])).rows[0]?.ours === true

const NAME = `
insert into archive_objects (object_key, table_name, day) values ($1, $2, $3)
on conflict (object_key) do update set replaced_at = null`

/** Says that an object is about to be written. */
export const nameObject = async (pool: Pool, { table, day }: Day, key: string): Promise<void> => {
  await pool.query(NAME, [key, table, day])
}

const FORGET_PROOF = `
with doubted as (
  update archive_objects set doubted_at = now() where object_key = $1 and doubted_at is null returning object_key)
delete from archives
where object_key in (select object_key from doubted) and sha256 = $2 and dropped_at is null and restored_at is null`

/** Whether the proof of an object that is not what was proved was forgotten, so that it is written anew: once an object. */
export const forgetProof = async (pool: Pool, { key, sha256 }: Pick<Manifest, 'key' | 'sha256'>): Promise<boolean> =>
  (await pool.query(FORGET_PROOF, [key, sha256])).rowCount === 1

const REPLACED = `
select object_key as key from archive_objects o
where table_name = $1 and day = $2 and replaced_at is not null
  and not exists (select from archives a where a.object_key = o.object_key)
order by object_key`

/** Keys of objects that nobody reads any more. */
export const readReplaced = async (pool: Pool, { table, day }: Day): Promise<string[]> =>
  (await pool.query<{ key: string }>(REPLACED, [table, day])).rows.map(({ key }) => key)

const REPLACED_DAYS = `
select distinct table_name as "table", day::text as day from archive_objects where replaced_at is not null order by 2 limit 100`

export const readReplacedDays = async (pool: Pool): Promise<Day[]> => (await pool.query<Day>(REPLACED_DAYS)).rows

export const forgetObject = async (pool: Pool, key: string): Promise<void> => {
  await pool.query('delete from archive_objects where object_key = $1', [key])
}
