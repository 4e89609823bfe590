import { createReadStream } from 'node:fs'
import { open, readdir, rm, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isDraft, toFileError, writeWhole } from './local-file.ts'
import { StoreError, type ObjectStore, type OpenObjectStore } from './object-store.ts'
import { checkKey } from './store-url.ts'

const CHUNK_BYTES = 1024 * 1024

const isMissing = (error: unknown): boolean => error instanceof StoreError && error.fault === 'missing'

/** @throws StoreError where the file system refuses. */
const asking = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    throw toFileError(error, what)
  }
}

async function* chunksOf(path: string, signal?: AbortSignal, seen: (bytes: number) => void = () => undefined) {
  let bytes = 0
  const chunks: AsyncIterable<Uint8Array> = createReadStream(path, { highWaterMark: CHUNK_BYTES })
  for await (const chunk of chunks) {
    signal?.throwIfAborted()
    yield chunk
    seen((bytes += chunk.length))
  }
}

const readExactly = async (path: string, from: number, length: number): Promise<Uint8Array> => {
  const file = await open(path, 'r')
  try {
    const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length, from)
    if (bytesRead === length) return buffer
    throw new StoreError('damaged', `${path}: expected ${length} bytes from ${from} on, got ${bytesRead}`)
  } finally {
    await file.close()
  }
}

type Found = { path: string; name: string }

/** Files below the folder; none where it is missing, or goes meanwhile. */
const filesIn = async (folder: string): Promise<Found[]> => {
  try {
    const entries = await asking(`could not list ${folder}`, () =>
      readdir(folder, { recursive: true, withFileTypes: true }),
    )
    return entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => ({ path: join(parentPath, name), name }))
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

const statOf = async (path: string): Promise<{ bytes: number; changedTimeMs: number } | undefined> => {
  try {
    const found = await asking(`could not look at ${path}`, () => stat(path))
    return found.isFile() ? { bytes: found.size, changedTimeMs: found.mtimeMs } : undefined
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

const createPut =
  (folder: string, toPath: (key: string) => string): ObjectStore['put'] =>
  async (key, path, { sha256, onProgress, signal }) => {
    const check = (written: { sha256: string }): void => {
      if (written.sha256 === sha256) return
      throw new StoreError('refused', `${path} has the SHA-256 ${written.sha256}; ${sha256} was announced`)
    }
    const { bytes } = await writeWhole(toPath(key), chunksOf(path, signal, onProgress), { root: folder, check })
    return { bytes }
  }

/** `a/.part-0.parquet.<pid>.<random>.partial` is a draft of `a/part-0.parquet`. */
const keyOfDraft = (key: string): string => key.replace(/(^|\/)\.([^/]+)\.\d+\.[0-9a-f]+\.partial$/, '$1$2')

const removeOlder = async (drafts: string[], olderThanMs: number): Promise<number> => {
  let removedCount = 0
  for (const path of drafts) {
    const found = await statOf(path)
    if (found === undefined || Date.now() - found.changedTimeMs < olderThanMs) continue
    await asking(`could not remove ${path}`, () => rm(path, { force: true }))
    removedCount += 1
  }
  return removedCount
}

/**
 * Objects as files. A copy that was interrupted begins anew: to trust what is there one would have to read it, which
 * takes as long. There are no labels, so `head` knows no SHA-256.
 */
export const openFileStore = (folder: string): OpenObjectStore => {
  const toPath = (key: string): string => {
    checkKey(key)
    return join(folder, ...key.split('/'))
  }
  const toKey = (path: string): string => relative(folder, path).split(sep).join('/')
  return {
    url: pathToFileURL(folder).href,
    localPath: toPath,
    put: createPut(folder, toPath),
    get: (key, path, { signal } = {}) => writeWhole(path, chunksOf(toPath(key), signal)),
    read: (key, from, length) => asking(`could not read ${key}`, () => readExactly(toPath(key), from, length)),
    head: async (key) => {
      const found = await statOf(toPath(key))
      return found === undefined ? undefined : { bytes: found.bytes, sha256: undefined }
    },
    list: async function* (prefix) {
      for (const { path, name } of await filesIn(folder)) {
        const isOurs = !isDraft(name) && toKey(path).startsWith(prefix)
        const found = isOurs ? await statOf(path) : undefined
        if (found !== undefined) yield { key: toKey(path), bytes: found.bytes }
      }
    },
    remove: (key) => asking(`could not remove ${key}`, () => rm(toPath(key), { force: true })),
    abortStale: async (prefix, olderThanMs) => {
      const drafts = (await filesIn(folder)).filter(({ name }) => isDraft(name)).map(({ path }) => path)
      return removeOlder(
        drafts.filter((path) => keyOfDraft(toKey(path)).startsWith(prefix)),
        olderThanMs,
      )
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
