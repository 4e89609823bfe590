import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildPart } from '../archive/part-file.ts'
import { StoreError } from '../archive/store/object-store.ts'
import { objectKey, type ArchivedTable } from '../archive/tables.ts'
import { isOurObject, nameObject } from '../store/archive-objects.ts'
import { readDropped, rowSource, type PartName } from '../store/archives.ts'
import { chunkFiles } from './archive-chunks.ts'
import type { ArchiveDeps } from './archive-deps.ts'
import type { Turn } from './archive-parts.ts'

type Work = ArchiveDeps & Turn & { table: ArchivedTable; name: PartName }

/** A finished file, for whoever goes on after a crash. `sealedAt`: the rows it was made of. */
type Finished = { path: string; sha256: string; bytes: number }

/** What nobody came back for: of days that were written by another machine, or that a person has taken in hand. */
const FORGOTTEN_MS = 7 * 86_400_000

export const folderOf = (folder: string, { table, day, part }: PartName): string =>
  join(folder, `${table}-${day}-${part}`)

export const hashFile = async (path: string, signal: AbortSignal): Promise<string> => {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 1 << 20 })) hash.update(chunk)
  return hash.digest('hex')
}

/** Undefined where there is no whole file of the same rows. */
const readFinished = async (own: string, of: string): Promise<Finished | undefined> => {
  const path = join(own, 'part.parquet')
  const [sum, bytes] = await Promise.all([
    readFile(join(own, 'part.sum'), 'utf8').catch(() => ''),
    stat(path).then(
      ({ size }) => size,
      () => 0,
    ),
  ])
  const [sha256 = '', made] = sum.split('\n')
  return made === of && bytes > 0 ? { path, sha256, bytes } : undefined
}

const build = async (work: Work, own: string, signal: AbortSignal): Promise<void> => {
  const { table, name, show, pool, memoryBytes, threads } = work
  const source = await rowSource(pool, name, table)
  const onProgress = (share: number): void => show({ stage: 'reading', percent: Math.round(share * 100) })
  await buildPart({
    table,
    chunks: chunkFiles({ pool, table, source, onProgress }, own, signal),
    path: join(own, 'part.draft'),
    room: { memoryBytes, threads, folder: own },
    onStage: (stage) => show({ stage }),
    signal,
  })
}

/** The file of an earlier try, or a new one. `of`: what tells the rows from those of another seal. */
const buildOnce = async (work: Work, of: string, signal: AbortSignal): Promise<Finished> => {
  const own = folderOf(work.folder, work.name)
  const before = await readFinished(own, of)
  if (before !== undefined) return before
  await rm(own, { recursive: true, force: true })
  await mkdir(own, { recursive: true })
  await build(work, own, signal)
  const path = join(own, 'part.parquet')
  await rename(join(own, 'part.draft'), path)
  for (const file of await readdir(own)) {
    if (file !== 'part.parquet') await rm(join(own, file), { recursive: true, force: true })
  }
  const sha256 = await hashFile(path, signal)
  await writeFile(join(own, 'part.sum'), `${sha256}\n${of}`)
  return { path, sha256, bytes: (await stat(path)).size }
}

/** Bounds what stays on the disk of a machine that is given other days. */
export const forgetWork = async (folder: string, nowMs: number): Promise<void> => {
  for (const entry of await readdir(folder).catch(() => [])) {
    const { mtimeMs } = await stat(join(folder, entry)).catch(() => ({ mtimeMs: nowMs }))
    if (nowMs - mtimeMs > FORGOTTEN_MS) await rm(join(folder, entry), { recursive: true, force: true })
  }
}

/** @throws StoreError where another database has put an object under the key: it may be all that is left of its rows. */
const refuseForeign = async ({ pool, store }: Work, key: string): Promise<void> => {
  if ((await isOurObject(pool, key)) || (await store.head(key)) === undefined) return
  const advice =
    'give each database an ARCHIVE_URL of its own; if Postgres was restored from a backup, move the object away'
  throw new StoreError('refused', `${key} is in ${store.url} already, and this database did not write it: ${advice}`)
}

/** Rows to file to object. Once more: goes on with the file and the upload that are there. */
export const writeObject = async (
  work: Work,
  of: string,
  signal: AbortSignal,
): Promise<{ key: string; bytes: number; sha256: string }> => {
  const { pool, store, name, show, check } = work
  const key = objectKey(name.table, name.day, name.part)
  await refuseForeign(work, key)
  const { path, sha256, bytes } = await buildOnce(work, of, signal)
  const onProgress = (doneBytes: number): void =>
    show({ stage: 'uploading', percent: Math.round((doneBytes / bytes) * 100) })
  const dropped = await readDropped(pool, name)
  if (dropped !== undefined) return dropped
  await refuseForeign(work, key)
  await check()
  await nameObject(pool, name, key)
  await store.put(key, path, { sha256, onProgress, signal })
  return { key, bytes, sha256 }
}
