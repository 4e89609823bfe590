import type pg from 'pg'
import { atMost, figure, type Figure } from './figure.ts'

const SIZES = `
select c.relname as name, i.indrelid is null as "isHeap", coalesce(i.indisprimary, false) as "isPrimary", pg_relation_size(c.oid)::float8 as bytes
from pg_class c left join pg_index i on i.indexrelid = c.oid
where c.oid = $1::regclass or i.indrelid = $1::regclass order by "isHeap" desc, "isPrimary" desc`

type Size = { name: string; isHeap: boolean; isPrimary: boolean; bytes: number }

const nameOf = ({ name, isHeap, isPrimary }: Size): string =>
  isHeap ? 'hot: heap' : `hot: ${isPrimary ? 'primary key' : name.replace(/^\w+_\d{8}_/, '')}`

/** Bytes a row of a partition as it stands after its rows came, by heap and index. */
export const hotBytes = async (pool: pg.Pool, partition: string): Promise<Figure[]> => {
  const { rows: counted } = await pool.query<{ rows: number }>(`select count(*)::int as rows from ${partition}`)
  const rowCount = counted[0]?.rows ?? 0
  const { rows: sizes } = await pool.query<Size>(SIZES, [partition])
  const aRow = (bytes: number): number => bytes / rowCount
  const whole = sizes.reduce((sum, { bytes }) => sum + bytes, 0)
  const note = `${rowCount.toLocaleString('en-US')} rows`
  return [
    ...sizes.map((size) =>
      figure(nameOf(size), aRow(size.bytes), 'bytes a row', size.isHeap ? { bound: atMost(105), note } : {}),
    ),
    figure('hot: heap and all indexes', aRow(whole), 'bytes a row', { bound: atMost(150) }),
  ]
}

export const partitionOf = (timeMs: number): string =>
  `order_books_${new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', '')}`
