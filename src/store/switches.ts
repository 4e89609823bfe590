import type { Pool } from 'pg'
import { UNTOUCHED, type Everything } from '../domain/switch.ts'

const NAME = 'everything'

const TURN = `
insert into operator_switches as s (name, state, generation, changed_at)
values ($1, $2, (extract(epoch from now()) * 1000)::bigint, now())
on conflict (name) do update set
  state = excluded.state, generation = greatest(s.generation + 1, excluded.generation), changed_at = excluded.changed_at
returning state, generation`

const READ = 'select state, generation from operator_switches where name = $1'

type Row = { state: Everything['state']; generation: string }

const toSwitch = (row: Row | undefined): Everything =>
  row === undefined ? UNTOUCHED : { state: row.state, generation: Number(row.generation) }

/** Remembers the turn; the answer's generation stands above all earlier ones. */
export const turnSwitch = async (pool: Pool, state: Everything['state']): Promise<Everything> => {
  const { rows } = await pool.query<Row>(TURN, [NAME, state])
  return toSwitch(rows[0])
}

export const readSwitch = async (pool: Pool): Promise<Everything> => {
  const { rows } = await pool.query<Row>(READ, [NAME])
  return toSwitch(rows[0])
}
