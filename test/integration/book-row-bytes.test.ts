import { expect, test } from 'vitest'
import { fillBookDay } from '../../bench/support/book-day.ts'
import { createDatabase } from '../support/services.ts'

const ROWS = 400_000
const BYTES = `
select sum(pg_relation_size(partition::regclass))::float8 as heap, sum(pg_indexes_size(partition::regclass))::float8 as indexes
from partitions where table_name = 'order_books'`

test('a recorded row of a book takes at most 105 bytes of heap, and 150 with its indexes', async () => {
  await using database = await createDatabase()
  await fillBookDay(database.pool, '2026-11-20', ROWS, 200)
  const { rows } = await database.pool.query<{ heap: number; indexes: number }>(BYTES)
  const { heap = NaN, indexes = NaN } = rows[0] ?? {}
  expect(heap / ROWS).toBeLessThanOrEqual(105)
  expect((heap + indexes) / ROWS).toBeLessThanOrEqual(150)
})

test('where an outcome and a time are asked for in plain words, only what lies near is read', async () => {
  await using database = await createDatabase()
  await fillBookDay(database.pool, '2026-11-20', ROWS, 200)
  const asked = (more: string): string =>
    `select count(*)::int as count from order_books where outcome_id = '516000:0' and captured_at >= '2026-11-20 10:00Z'
     and captured_at < '2026-11-20 10:20Z' ${more}`
  const count = async (sql: string): Promise<unknown> => (await database.pool.query(sql)).rows[0]
  const minutes = `and book_minute(captured_at) >= '2026-11-20 10:00Z' and book_minute(captured_at) < '2026-11-20 10:20Z'`
  const whole = await count(`select count(*)::int as count from (select * from order_books offset 0) o
    where o.outcome_id = '516000:0' and o.captured_at >= '2026-11-20 10:00Z' and o.captured_at < '2026-11-20 10:20Z'`)
  expect([await count(asked('')), await count(asked(minutes))]).toEqual([whole, whole])
  for (const more of ['', minutes]) {
    const { rows } = await database.pool.query<{ 'QUERY PLAN': string }>(`explain ${asked(more)}`)
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('Seq Scan')
  }
})
