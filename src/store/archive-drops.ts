import type { Pool, PoolClient } from 'pg'
import { columnDifference, type Column } from './archive-columns.ts'
import type { RowSource } from './archive-pages.ts'
import { LOCK_PARTITIONS, unlessDifferent } from './archive-transactions.ts'
import type { PartName } from './archives.ts'

/** What is dropped, as it was proved: of the object, and of the rows. */
type Proved = { source: RowSource; columns: readonly Column[]; sha256: string }

const CHANGED = 'its rows changed since the proof'

const MARK_DROPPED = `
update archives set dropped_at = clock_timestamp()
where table_name = $1 and day = $2 and part = $3 and sha256 = $4 and dropped_at is null and restored_at is null
  and (sealed_at is null or exists (
    select from partition_seals s where s.table_name = $1 and s.day = $2 and s.sealed_at = archives.sealed_at))
returning sealed_at::text as "sealedAt"`

/** From now on the columns stay as they are, until the end of the transaction. */
const checkColumns = async (client: PoolClient, { source, columns }: Proved): Promise<string | undefined> => {
  await client.query(`lock table ${source.relation} in access share mode`)
  return columnDifference(client, source.relation, columns)
}

/**
 * Drops the partition of a proved day and says so in the manifest: both or neither.
 *
 * @returns in words where the proof does not stand: nothing was dropped.
 */
export const dropProved = (pool: Pool, { table, day }: PartName, proved: Proved): Promise<string | undefined> =>
  unlessDifferent(pool, async (client) => {
    await client.query(LOCK_PARTITIONS, [table])
    const { rows } = await client.query<{ sealedAt: string }>(MARK_DROPPED, [table, day, 0, proved.sha256])
    if (rows[0] === undefined) return CHANGED
    const difference = await checkColumns(client, proved)
    if (difference !== undefined) return difference
    await client.query('select drop_partition($1, $2, $3)', [table, day, rows[0].sealedAt])
    return undefined
  })

type Later = Proved & { totals: string; rows: string; checksum: string }

/** The same for rows that came later: what is deleted is counted and summed up as it goes. */
export const deleteProved = (pool: Pool, name: PartName, later: Later): Promise<string | undefined> =>
  unlessDifferent(pool, async (client) => {
    const { source, totals, sha256, rows, checksum } = later
    const { table, day, part } = name
    if ((await client.query(MARK_DROPPED, [table, day, part, sha256])).rowCount !== 1) return CHANGED
    const difference = await checkColumns(client, later)
    if (difference !== undefined) return difference
    const sql = `with gone as (delete from ${source.relation} where ${source.where} returning *) select ${totals} from gone`
    const gone = (await client.query<{ rows: string; checksum: string }>(sql)).rows[0]
    return gone?.rows === rows && gone.checksum === checksum ? undefined : CHANGED
  })
