import type { ClientBase, Pool } from 'pg'
import type { OffsetRow } from '../normalizer/batch.ts'
import type { StatementTarget } from './script.ts'

/** The newest owner of a shard. A commit of any other epoch is refused. */
export type Owner = { shard: number; epoch: number; writer: string }

/** Another copy of the shard owns it: this one must stop and drop its memory. Retrying would not help. */
export class FenceLost extends Error {
  readonly retryable = false
}

const TAKE = `
insert into normalizer_owners (shard, epoch, host, started_at)
values ($1, extract(epoch from now())::bigint, $2, now())
on conflict (shard) do update set
  epoch = greatest(normalizer_owners.epoch + 1, excluded.epoch), host = excluded.host, started_at = now()
returning epoch`

/**
 * Makes this process the owner of the shard; whoever owned it before loses its next commit. Epochs start at the
 * clock's seconds, so that they also rise above those in a Redis that outlived its Postgres.
 */
export const takeOwnership = async (pool: Pool, shard: number, host: string): Promise<Owner> => {
  const result = await pool.query<{ epoch: string }>(TAKE, [shard, host])
  const epoch = Number(result.rows[0]?.epoch)
  return { shard, epoch, writer: `${shard}:${epoch}` }
}

const OWNER = 'select epoch, host, started_at from normalizer_owners where shard = $1'

/** `<hostname>:<pid>` of the process that owns a shard, and its workflow; undefined where nobody ever did. */
export const readOwnerHost = async (pool: Pool, shard: number): Promise<string | undefined> => {
  const { rows } = await pool.query<{ host: string }>('select host from normalizer_owners where shard = $1', [shard])
  return rows[0]?.host
}

/** @throws FenceLost that says who owns the shard now. */
export const assertOwner = async (client: ClientBase | Pool, owner: Owner): Promise<void> => {
  const result = await client.query<{ epoch: string; host: string; started_at: Date }>(OWNER, [owner.shard])
  const row = result.rows[0]
  if (row !== undefined && Number(row.epoch) === owner.epoch) return
  const winner =
    row === undefined ? 'nobody' : `epoch ${row.epoch} on ${row.host} since ${row.started_at.toISOString()}`
  throw new FenceLost(
    `normalizer shard ${owner.shard}: this copy (owner epoch ${owner.epoch}) stopped because ${winner} owns the shard; ` +
      'nothing was lost: the owner continues from the committed offsets',
  )
}

/**
 * A commit of what was due by time alone leaves its offsets where they are: its revision tells whether it is committed
 * already, by an attempt whose answer was lost.
 */
const MOVED = `
with owner as (
  select epoch from normalizer_owners where shard = $1 and epoch = $2 for share
), moved as (
  update ingestion_offsets o
  set last_id = n.last_id, sequence = n.sequence, writer = $3, progress = n.progress, kept = n.kept, updated_at = now()
  from rows from (
    jsonb_to_recordset($4::jsonb) as (stream text, expected text, last_id text, sequence bigint, progress jsonb),
    string_to_table($5, E'\n')
  ) as n(stream, expected, last_id, sequence, progress, kept)
  where o.stream = n.stream and o.last_id = n.expected and exists (select from owner)
    and (n.last_id <> n.expected or n.stream not like 'orderbook:%'
      or coalesce((o.progress ->> 'revision')::bigint, 0) < (n.progress ->> 'revision')::bigint)
  returning o.stream
)`

const MOVE = `${MOVED} select count(*)::int as moved from moved`
const MOVE_ALL = `${MOVED} select 1 / (count(*) = $6)::int from moved`

const toRow = ({ stream, expected, lastId, sequence, progress }: OffsetRow) => ({
  stream,
  expected,
  last_id: lastId,
  sequence,
  progress,
})

const toValues = (owner: Owner, offsets: OffsetRow[]): string[] => {
  const sorted = offsets.toSorted((left, right) => (left.stream < right.stream ? -1 : 1))
  const kept = sorted.map((row) => row.kept).join('\n')
  return [String(owner.shard), String(owner.epoch), owner.writer, JSON.stringify(sorted.map(toRow)), kept]
}

/**
 * Moves the offsets of a batch, first thing in its transaction, in the order of their names (a fixed order: no
 * deadlock with another shard).
 *
 * @throws FenceLost when another copy owns the shard or has moved one of the offsets.
 */
export const moveOffsets = async (client: ClientBase, owner: Owner, offsets: OffsetRow[]): Promise<void> => {
  const result = await client.query<{ moved: number }>(MOVE, toValues(owner, offsets))
  const moved = result.rows[0]?.moved ?? 0
  if (moved === offsets.length) return
  await assertOwner(client, owner)
  throw new FenceLost(
    `normalizer shard ${owner.shard}: ${offsets.length - moved} of ${offsets.length} offsets were moved by another writer`,
  )
}

/**
 * The same as a part of a script, which ends there with an error of Postgres's (division by zero) where not all were moved:
 * `moveOffsets` then says why.
 */
export const scriptOffsets = (script: StatementTarget, owner: Owner, offsets: OffsetRow[]): Promise<unknown> =>
  script.query(MOVE_ALL, [...toValues(owner, offsets), String(offsets.length)])

const STANDING = `
select stream, last_id, writer, coalesce((progress ->> 'revision')::bigint, 0)::int as revision
from ingestion_offsets where stream = any($1)`

type Standing = { stream: string; last_id: string; writer: string; revision: number }

/**
 * After an interrupted COMMIT: did it succeed? Our writer at our target means yes. A commit of what was due by time alone
 * moves no offset: its revision tells it from the one before.
 */
export const hasMoved = async (pool: Pool, owner: Owner, offsets: OffsetRow[]): Promise<boolean> => {
  const streams = offsets.map((offset) => offset.stream)
  const result = await pool.query<Standing>(STANDING, [streams])
  const standing = new Map(result.rows.map((row) => [row.stream, row]))
  return offsets.every((offset) => {
    const row = standing.get(offset.stream)
    if (row?.last_id !== offset.lastId || row.writer !== owner.writer) return false
    return row.revision === offset.progress.revision
  })
}
