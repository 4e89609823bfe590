import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { StoreError, type StoreFault } from './object-store.ts'

const DRAFT = /^\..+\.partial$/

/** Files that are being written, or that a killed process left behind: no reader takes them. */
export const isDraft = (name: string): boolean => DRAFT.test(name)

const draftOf = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.partial`)

const FAULTS: Record<string, StoreFault> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  ENOENT: 'missing',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  ENOTDIR: 'refused',
  EISDIR: 'refused',
}
const REMEDIES: Partial<Record<StoreFault, string>> = {
  full: 'the disk is full: make room there',
  denied: 'the user of this process needs the right to read and write there',
  refused: 'something else has that name',
}

/** What the file system refused, as the caller may judge it; other errors as they are. */
export const toFileError = (error: unknown, what: string): unknown => {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string' || !('syscall' in error)) {
    return error
  }
  const fault = FAULTS[error.code] ?? 'unreachable'
  const remedy = REMEDIES[fault]
  return new StoreError(fault, `${what}: ${error.message}${remedy === undefined ? '' : `; ${remedy}`}`, error.code)
}

const writeAll = async (file: FileHandle, chunk: Uint8Array): Promise<void> => {
  for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten
}

const syncFolder = async (folder: string): Promise<void> => {
  const opened = await open(folder, 'r')
  try {
    await opened.sync()
  } finally {
    await opened.close()
  }
}

/** A name that is not on disk may be gone after a power cut, and the rows it holds were dropped. */
const syncUpTo = async (folder: string, root: string): Promise<void> => {
  await syncFolder(folder)
  if (folder !== root && folder.startsWith(root)) await syncUpTo(dirname(folder), root)
}

type Written = { bytes: number; sha256: string }

const fill = async (draft: string, chunks: AsyncIterable<Uint8Array>): Promise<Written> => {
  const file = await open(draft, 'wx')
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of chunks) {
      await writeAll(file, chunk)
      hash.update(chunk)
      bytes += chunk.length
    }
    await file.sync()
    return { bytes, sha256: hash.digest('hex') }
  } finally {
    await file.close()
  }
}

export type WriteOptions = {
  /** Folders up to this one are made lasting too; else only the file's own. */
  root?: string
  /** Called before the file gets its name: what it throws undoes it. */
  check?: (written: Written) => void
}

/**
 * Writes a file that a reader sees whole or not at all, and that outlives a power cut.
 *
 * @throws StoreError of the file system; what `chunks` throws.
 */
export const writeWhole = async (
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  { root = dirname(path), check }: WriteOptions = {},
): Promise<Written> => {
  const draft = draftOf(path)
  try {
    await mkdir(dirname(path), { recursive: true })
    const written = await fill(draft, chunks)
    check?.(written)
    await rename(draft, path)
    await syncUpTo(dirname(path), root)
    return written
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw toFileError(error, `could not write ${path}`)
  }
}
