import { rm } from 'node:fs/promises'
import { readManifest, type Manifest } from '../archive/manifest.ts'
import { sharedKeys } from '../archive/part-file.ts'
import type { ArchivedTable } from '../archive/tables.ts'
import { readSharedKeys } from '../store/archive-doubles.ts'
import type { RowSource } from '../store/archive-pages.ts'
import type { PartName } from '../store/archives.ts'
import type { ArchiveDeps } from './archive-deps.ts'
import type { Turn } from './archive-parts.ts'
import { withObject } from './archive-read-back.ts'
import { folderOf } from './archive-write.ts'

type Work = ArchiveDeps & Pick<Turn, 'show'> & { table: ArchivedTable; name: PartName }

const inWords = (keys: string[], where: string): string | undefined =>
  keys.length === 0 ? undefined : `rows that came later have the key of rows in ${where}: ${keys.join('; ')}`

const doublesIn = async (work: Work, other: Manifest, path: string, signal: AbortSignal) => {
  const { table, folder, memoryBytes, threads } = work
  const name = { table: other.table, day: other.day, part: other.part }
  const room = { memoryBytes, threads, folder: folderOf(folder, work.name) }
  const use = (earlier: string): Promise<string[]> => sharedKeys({ table, path, earlier, room }, signal)
  try {
    const read = await withObject({ ...work, name }, other, { use, signal })
    return read.type === 'differs' ? read.detail : inWords(read.result, other.key)
  } finally {
    await rm(folderOf(folder, name), { recursive: true, force: true })
  }
}

/**
 * Whether rows that came later have keys of rows of the day that are in the archive, or on their way to it: the day could
 * not be restored with both.
 *
 * @param path of the object of the part.
 */
export const findDoubles = async (
  work: Work,
  { path, source }: { path: string; source: RowSource },
  signal: AbortSignal,
): Promise<string | undefined> => {
  const { pool, table, name } = work
  if (name.part === 0) return undefined
  const inPartition = await readSharedKeys(pool, name, { source, keyed: table })
  if (inPartition.length > 0) return inWords(inPartition, table.name)
  const at = `${name.day}T00:00:00Z`
  for (const other of await readManifest(pool, { table: name.table, from: at, to: at })) {
    const doubles = other.isDropped ? await doublesIn(work, other, path, signal) : undefined
    if (doubles !== undefined) return doubles
  }
  return undefined
}
