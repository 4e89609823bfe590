import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream, type WriteStream } from 'node:fs'
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'

/** What of a file was downloaded. `etag`: of the version that it is of; absent where the server tells none. */
export type Part = { path: string; etag: string | undefined; bytes: number }

const isGone = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

export const sizeOf = async (path: string): Promise<number> => {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isGone(error)) return 0
    throw error
  }
}

const notePath = (path: string): string => `${path}.etag`

/**
 * Versions have parts of their own. An attempt that is thought dead may still be writing to its part: of the same version, the
 * same bytes at the same places. A part whose version is not known belongs to one attempt.
 */
const partPath = (path: string, etag: string | undefined): string => {
  const name = etag === undefined ? randomUUID() : createHash('sha256').update(etag).digest('hex').slice(0, 16)
  return `${path}.${name}.part`
}

/** The part of the version that was downloaded last. */
export const findPart = async (path: string): Promise<Part | undefined> => {
  try {
    const etag = await readFile(notePath(path), 'utf8')
    const part = partPath(path, etag)
    return { path: part, etag, bytes: await sizeOf(part) }
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** The next attempt begins anew. */
export const forgetPart = async (path: string, part: Part): Promise<void> => {
  await rm(notePath(path), { force: true })
  await rm(part.path, { force: true })
}

/** A part of what the server has now, to be written from its beginning; `before` is of no use where it is of another version. */
export const beginPart = async (path: string, etag: string | undefined, before: Part | undefined): Promise<Part> => {
  const part = { path: partPath(path, etag), etag, bytes: 0 }
  if (before !== undefined && before.path !== part.path) await forgetPart(path, before)
  if (etag === undefined) return part
  const draft = `${notePath(path)}-${randomUUID()}`
  await writeFile(draft, etag)
  await rename(draft, notePath(path))
  return part
}

/** Writes on where the part ends, and cuts nothing off. */
export const writePart = async ({ path, bytes }: Part): Promise<WriteStream> => {
  await (await open(path, 'a')).close()
  return createWriteStream(path, { flags: 'r+', start: bytes })
}

/** The part is the file: @returns whether it has as many bytes, or another attempt has already made it the file. */
export const keepPart = async (path: string, part: Part, bytes: number): Promise<boolean> => {
  if ((await sizeOf(path)) > 0) return true
  if ((await sizeOf(part.path)) !== bytes) return false
  try {
    await rename(part.path, path)
    return true
  } catch (error) {
    if (isGone(error) && (await sizeOf(path)) > 0) return true
    throw error
  }
}
