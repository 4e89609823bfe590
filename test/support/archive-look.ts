import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pool, QueryResultRow } from 'pg'
import { postgresTotals } from '../../src/archive/checksum.ts'
import { readManifest } from '../../src/archive/manifest.ts'
import { ORDER_BOOKS } from '../../src/archive/tables.ts'
import { DAY, type TestArchive } from './archive-day.ts'

export const PARTITION = 'order_books_20260605'

export const keyOf = (part: number): string => `table=order_books/date=${DAY}/part-${part}.parquet`

/** What tests look at: the rows of one database, and the objects of the archive that is open at the time. */
export const openLook = (poolOf: () => Pool, archiveOf: () => TestArchive) => {
  const ask = async <Row extends QueryResultRow>(sql: string): Promise<Row[]> => (await poolOf().query<Row>(sql)).rows
  return {
    ask,
    objectPath: (key: string): string => join(archiveOf().folder, 'objects', key),
    totalsOf: async (relation: string): Promise<object | undefined> =>
      (await ask(`select ${postgresTotals(ORDER_BOOKS)} from ${relation}`))[0],
    manifest: () => {
      const at = `${DAY}T12:00:00Z`
      return readManifest(poolOf(), { table: 'order_books', from: at, to: at })
    },
    isAttached: async (): Promise<boolean> =>
      (await ask(`select from partitions where partition = '${PARTITION}'`)).length === 1,
  }
}

export const flipBit = async (path: string, at: number): Promise<void> => {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ 4
  await file.write(byte, 0, 1, at)
  await file.close()
}
