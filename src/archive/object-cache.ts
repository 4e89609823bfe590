import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, open, rm, stat, utimes } from 'node:fs/promises'
import { openCacheFolder, type CacheFolder } from './cache-folder.ts'
import { toFileError } from './store/local-file.ts'
import { StoreError, type ObjectStore } from './store/object-store.ts'

/**
 * Objects of the archive on this disk, shared by all processes that use the folder, least recently used out first.
 * What is open counts as used until it is released, or the cache is disposed of. Objects of a store that is a folder of
 * this machine are read where they lie.
 */
export type ObjectCache = AsyncDisposable & {
  /**
   * Path of a local file with the object's content, to be read and not changed.
   *
   * @throws StoreError `damaged` where the content is another each time it is fetched, `full` where all that is kept is
   *   open somewhere, `refused` where the object alone is larger than the cache; and what the store throws.
   */
  open: (key: string, sha256: string, options?: { signal?: AbortSignal }) => Promise<string>
  /** The file of an earlier `open` is read no longer. */
  release: (path: string) => Promise<void>
}

type CacheDeps = { store: ObjectStore; folder: string; maxBytes: number }
type Wanted = { key: string; sha256: string; signal: AbortSignal }
type Cache = CacheDeps & { files: CacheFolder }

/** A connection may flip a bit once; what comes damaged three times is so in the store. */
const ATTEMPTS = 3
const MOST_VERIFIED = 10_000

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

const checkContent = ({ key, sha256 }: Wanted, came: string): void => {
  if (came === sha256) return
  throw new StoreError('damaged', `${key} should have the SHA-256 ${sha256}, but has ${came}`)
}

/** Undefined where it is not kept. */
const pinKept = async (files: CacheFolder, sha256: string): Promise<string | undefined> => {
  const pin = await files.newPin(sha256)
  try {
    await link(files.keptPath(sha256), pin)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  const now = new Date()
  await utimes(pin, now, now)
  return pin
}

/** Room is taken before it is made: two processes cannot count on the same. */
const reserve = async ({ files, maxBytes }: Cache, pin: string, bytes: number): Promise<void> => {
  const file = await open(pin, 'wx')
  try {
    await file.truncate(bytes)
  } finally {
    await file.close()
  }
  await files.makeRoom(maxBytes)
}

const bytesOf = async ({ store, maxBytes }: Cache, key: string): Promise<number> => {
  const found = await store.head(key)
  if (found === undefined) throw new StoreError('missing', `there is no object ${key} in ${store.url}`)
  if (found.bytes <= maxBytes) return found.bytes
  throw new StoreError('refused', `${key} has ${found.bytes} bytes: ARCHIVE_CACHE_BYTES is only ${maxBytes}`)
}

/** Keeps it under its content; another process may have been faster. */
const keep = async (files: CacheFolder, pin: string, sha256: string): Promise<void> => {
  try {
    await link(pin, files.keptPath(sha256))
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

const fetchOnce = async (cache: Cache, wanted: Wanted): Promise<string> => {
  const { store, files } = cache
  const { key, sha256, signal } = wanted
  const bytes = await bytesOf(cache, key)
  const pin = await files.newPin(sha256)
  try {
    await reserve(cache, pin, bytes)
    checkContent(wanted, (await store.get(key, pin, { signal })).sha256)
    await keep(files, pin, sha256)
    return pin
  } catch (error) {
    await rm(pin, { force: true })
    throw error
  }
}

const fetchWhole = async (cache: Cache, wanted: Wanted): Promise<string> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fetchOnce(cache, wanted)
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof StoreError) || error.fault !== 'damaged') throw error
    }
  }
}

const hashOf = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  const chunks: AsyncIterable<Uint8Array> = createReadStream(path, { highWaterMark: 1024 * 1024 })
  for await (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

/** Reads a file in order to trust it, and again only after it has changed. */
const createVerify = () => {
  const verified = new Set<string>()
  return async (path: string, wanted: Wanted): Promise<string> => {
    const { ino, size, mtimeMs } = await stat(path)
    const stamp = `${ino}:${size}:${mtimeMs}:${wanted.sha256}`
    if (verified.has(stamp)) return path
    checkContent(wanted, await hashOf(path))
    if (verified.size >= MOST_VERIFIED) verified.clear()
    verified.add(stamp)
    return path
  }
}

/** One download of a content at a time in this process: who waits finds it kept, or fetches it in turn. */
const createFetch = (cache: Cache) => {
  const coming = new Map<string, Promise<unknown>>()
  return async (wanted: Wanted): Promise<string> => {
    const { sha256, signal } = wanted
    for (let other = coming.get(sha256); other !== undefined; other = coming.get(sha256)) await other
    signal.throwIfAborted()
    const fetching = pinKept(cache.files, sha256).then((pin) => pin ?? fetchWhole(cache, wanted))
    coming.set(
      sha256,
      fetching.catch(() => undefined).then(() => coming.delete(sha256)),
    )
    return fetching
  }
}

/** @throws StoreError where the folder cannot be made. */
export const openObjectCache = async (deps: CacheDeps): Promise<ObjectCache> => {
  const translating = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw toFileError(error, `could not use the object cache ${deps.folder}`)
    }
  }
  const files = await translating(() => openCacheFolder(deps.folder))
  const [fetchPin, verify] = [createFetch({ ...deps, files }), createVerify()]
  const { localPath } = deps.store
  return {
    open: (key, sha256, { signal = new AbortController().signal } = {}) => {
      const wanted = { key, sha256, signal }
      return translating(() => (localPath === undefined ? fetchPin(wanted) : verify(localPath(key), wanted)))
    },
    release: (path) => translating(async () => (files.isPin(path) ? rm(path, { force: true }) : undefined)),
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  }
}
