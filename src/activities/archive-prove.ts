import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { differenceOf, type Totals } from '../archive/checksum.ts'
import { StoreError } from '../archive/store/object-store.ts'
import { readTotals } from '../archive/part-file.ts'
import { postgresColumns, type ArchivedTable } from '../archive/tables.ts'
import { columnDifference } from '../store/archive-columns.ts'
import { rowSource, type PartName } from '../store/archives.ts'
import type { Progress } from './archive-beat.ts'
import { postgresSums } from './archive-chunks.ts'
import type { ArchiveDeps } from './archive-deps.ts'
import { folderOf } from './archive-write.ts'

export type Written = { key: string; bytes: number; sha256: string }

type Work = ArchiveDeps & { table: ArchivedTable; name: PartName; show: (progress: Progress) => void }

/**
 * Lends a file with what the store has under the key, read back just now.
 *
 * @returns what `use` does, or in words how the object differs from what was written.
 */
const withObject = async <T>(
  { store, folder, name, show }: Pick<Work, 'store' | 'folder' | 'name' | 'show'>,
  { key, sha256 }: Pick<Written, 'key' | 'sha256'>,
  { use, signal }: { use: (path: string) => Promise<T>; signal: AbortSignal },
): Promise<{ type: 'same'; result: T } | { type: 'differs'; detail: string }> => {
  const own = folderOf(folder, name)
  const path = join(own, 'read-back.parquet')
  await mkdir(own, { recursive: true })
  show({ stage: 'reading back' })
  try {
    const found = await store.get(key, path, { signal })
    if (found.sha256 !== sha256) return { type: 'differs', detail: `SHA-256 of ${key}: ${found.sha256}, not ${sha256}` }
    return { type: 'same', result: await use(path) }
  } catch (error) {
    if (error instanceof StoreError && error.fault === 'missing') return { type: 'differs', detail: `no ${key}` }
    throw error
  } finally {
    await rm(path, { force: true })
  }
}

export type Compared = { type: 'equal'; totals: Totals } | { type: 'differs'; detail: string }

/** Reads the object back and compares every row of it with Postgres, once nothing is in Postgres that it cannot hold. */
export const compareObject = async (work: Work, written: Written, signal: AbortSignal): Promise<Compared> => {
  const { pool, table, name, show, memoryBytes, threads, folder } = work
  const room = { memoryBytes, threads, folder: folderOf(folder, name) }
  const source = await rowSource(pool, name, table)
  const columns = await columnDifference(pool, source.relation, postgresColumns(table, name.part))
  if (columns !== undefined) return { type: 'differs', detail: columns }
  const use = (path: string): Promise<Totals> => readTotals({ table, path, room }, signal)
  const read = await withObject(work, written, { use, signal })
  if (read.type === 'differs') return read
  const onProgress = (share: number): void =>
    show({ stage: 'summing up in Postgres', percent: Math.round(share * 100) })
  const expected = await postgresSums({ pool, table, source, onProgress }, signal)
  const detail = differenceOf(expected, read.result)
  return detail === undefined ? { type: 'equal', totals: expected } : { type: 'differs', detail }
}

/** Whether the object is byte by byte what was proved; in words how it is not. */
export const recheckObject = async (
  work: Pick<Work, 'store' | 'folder' | 'name' | 'show'>,
  written: Pick<Written, 'key' | 'sha256'>,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const read = await withObject(work, written, { use: () => Promise.resolve(), signal })
  return read.type === 'differs' ? read.detail : undefined
}
