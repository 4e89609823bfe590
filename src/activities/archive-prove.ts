import { differenceOf, type Totals } from '../archive/checksum.ts'
import { readTotals } from '../archive/part-file.ts'
import { postgresColumns, type ArchivedTable } from '../archive/tables.ts'
import { columnDifference } from '../store/archive-columns.ts'
import { rowSource, type PartName } from '../store/archives.ts'
import type { Progress } from './archive-beat.ts'
import { postgresSums } from './archive-chunks.ts'
import type { ArchiveDeps } from './archive-deps.ts'
import { findDoubles } from './archive-doubles.ts'
import { withObject, type Written } from './archive-read-back.ts'
import { folderOf } from './archive-write.ts'

type Work = ArchiveDeps & { table: ArchivedTable; name: PartName; show: (progress: Progress) => void }

export type Compared = { type: 'equal'; totals: Totals } | { type: 'differs'; detail: string }

/** Reads the object back and compares every row of it with Postgres, once nothing is in Postgres that it cannot hold. */
export const compareObject = async (work: Work, written: Written, signal: AbortSignal): Promise<Compared> => {
  const { pool, table, name, show, memoryBytes, threads, folder } = work
  const room = { memoryBytes, threads, folder: folderOf(folder, name) }
  const source = await rowSource(pool, name, table)
  const columns = await columnDifference(pool, source.relation, postgresColumns(table, name.part))
  if (columns !== undefined) return { type: 'differs', detail: columns }
  const use = async (path: string): Promise<{ totals: Totals; doubles: string | undefined }> => ({
    totals: await readTotals({ table, path, room }, signal),
    doubles: await findDoubles(work, { path, source }, signal),
  })
  const read = await withObject(work, written, { use, signal })
  if (read.type === 'differs') return read
  const onProgress = (share: number): void =>
    show({ stage: 'summing up in Postgres', percent: Math.round(share * 100) })
  const expected = await postgresSums({ pool, table, source, onProgress }, signal)
  const detail = differenceOf(expected, read.result.totals) ?? read.result.doubles
  return detail === undefined ? { type: 'equal', totals: expected } : { type: 'differs', detail }
}

/** Whether the object is byte by byte what was proved; in words how it is not. */
export const recheckObject = async (
  work: Parameters<typeof withObject>[0],
  written: Pick<Written, 'key' | 'sha256'>,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const read = await withObject(work, written, { use: () => Promise.resolve(), signal })
  return read.type === 'differs' ? read.detail : undefined
}
