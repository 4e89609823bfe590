import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeEach } from 'vitest'
import type { PartName } from '../../src/store/archives.ts'
import { DAY, fillDay, forgetDay, openTestArchive } from './archive-day.ts'
import { createDatabase } from './services.ts'

/** A database with one filled day, and a store of its own, anew for each test of a file. */
export const openArchiveDays = async (rows: number) => {
  const database = await createDatabase()
  const { pool } = database
  const at = { archive: openTestArchive(pool) }
  await at.archive[Symbol.asyncDispose]()
  afterAll(() => database[Symbol.asyncDispose]())
  beforeEach(async () => {
    await forgetDay(pool)
    await fillDay(pool, rows)
    const archive = openTestArchive(pool)
    at.archive = archive
    return () => archive[Symbol.asyncDispose]()
  })
  const ask = async <Row extends object>(sql: string): Promise<Row[]> => (await pool.query<Row>(sql)).rows
  const keyOf = (part: number): string => `table=order_books/date=${DAY}/part-${part}.parquet`
  return {
    at,
    pool,
    ask,
    keyOf,
    /** Its bytes, as text that a failed test can show. */
    readObject: (part: number): Promise<string> =>
      readFile(join(at.archive.folder, 'objects', keyOf(part)), 'base64').catch(() => 'none'),
    drop: (name: PartName) => at.archive.run(at.archive.activities.dropPart, name),
    plan: (day?: string) => at.archive.run(at.archive.activities.planArchive, { at: '2027-01-01T00:00:00Z', day }),
    countRows: async (table = 'order_books'): Promise<number> =>
      (await ask<{ n: number }>(`select count(*)::int as n from ${table}`))[0]?.n ?? 0,
    /** Parts in the manifest: where their rows are. */
    places: () =>
      ask<{ part: number; rows: number; place: string }>(
        `select part::int, rows::int, case when restored_at is not null then 'restored' when dropped_at is not null then 'object'
           else 'both' end as place from archives order by part`,
      ),
  }
}
