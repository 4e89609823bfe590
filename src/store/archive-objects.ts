import type { Pool } from 'pg'

const IS_OURS = `
select exists (select from archive_objects where object_key = $1) or exists (select from archives where object_key = $1) as ours`

/** Whether this database wrote the object, or began to. */
export const isOurObject = async (pool: Pool, key: string): Promise<boolean> =>
  (await pool.query<{ ours: boolean }>(IS_OURS, [key])).rows[0]?.ours === true

const NAME = 'insert into archive_objects (object_key) values ($1) on conflict do nothing'

/** Says that an object is about to be written. */
export const nameObject = async (pool: Pool, key: string): Promise<void> => {
  await pool.query(NAME, [key])
}
