import type { Pool } from 'pg'
import type { RowSource } from './archive-pages.ts'
import { rowsOfDay, type PartName } from './archives.ts'

type Keyed = { instant: string; order: readonly string[] }

/** Some keys that rows which came later share with rows of the partition, in words. */
export const readSharedKeys = async (
  pool: Pool,
  { table, day }: PartName,
  { source, keyed: { instant, order } }: { source: RowSource; keyed: Keyed },
): Promise<string[]> => {
  const same = order.map((column) => `o.${column} = l.${column}`).join(' and ')
  const sql = `
select concat_ws(' ', ${order.map((column) => `l.${column}`).join(', ')}) as key
from (select * from ${source.relation} where ${source.where}) l
where exists (select from ${table} o where ${same} and ${rowsOfDay(`o.${instant}`, day)}) limit 3`
  return (await pool.query<{ key: string }>(sql)).rows.map(({ key }) => key)
}
