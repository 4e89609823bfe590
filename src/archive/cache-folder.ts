import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasEnded, PROCESS_NAME } from '../lib/process-name.ts'
import { isDraft } from './store/local-file.ts'
import { StoreError } from './store/object-store.ts'

/**
 * `kept/<sha256>` is an object; `open/<process>/<n>-<sha256>` a second name (hard link) of one that a process reads. The
 * file system counts the names, so that every process knows what is read and must stay.
 */
export type CacheFolder = AsyncDisposable & {
  keptPath: (sha256: string) => string
  /** A name in this process's folder that nothing has yet. */
  newPin: (sha256: string) => Promise<string>
  isPin: (path: string) => boolean
  /**
   * Removes objects that nobody reads, the least recently used first, until everything together has at most so many bytes.
   *
   * @throws StoreError `full` where what is read alone is more.
   */
  makeRoom: (maxBytes: number) => Promise<void>
}

/** A process that was killed leaves its folder; one that opened and released nothing for so long counts as killed. */
const ABANDONED_AFTER_MS = 86_400_000

const isAbandoned = (name: string, changedTimeMs: number): boolean =>
  Date.now() - changedTimeMs > ABANDONED_AFTER_MS || hasEnded(name)

type Entry = { path: string; name: string; inode: number; bytes: number; names: number; changedTimeMs: number }

const isGone = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

const orNone = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** Other processes add and remove files meanwhile. */
const entriesOf = async (folder: string): Promise<Entry[]> => {
  const entries: Entry[] = []
  for (const name of (await orNone(readdir(folder))) ?? []) {
    const path = join(folder, name)
    const found = await orNone(stat(path))
    if (found === undefined) continue
    const { ino: inode, size: bytes, nlink: names, mtimeMs: changedTimeMs } = found
    entries.push({ path, name, inode, bytes, names, changedTimeMs })
  }
  return entries
}

/** What the processes read, and room that they have reserved. */
const pinsIn = async (openFolder: string): Promise<Entry[]> => {
  const pins: Entry[] = []
  for (const { path, name, changedTimeMs } of await entriesOf(openFolder)) {
    if (isAbandoned(name, changedTimeMs)) await rm(path, { recursive: true, force: true })
    else pins.push(...(await entriesOf(path)).filter((entry) => !isDraft(entry.name)))
  }
  return pins
}

const bytesOf = (entries: Entry[]): number =>
  [...new Map(entries.map(({ inode, bytes }) => [inode, bytes])).values()].reduce((sum, bytes) => sum + bytes, 0)

const makeRoom = async (keptFolder: string, openFolder: string, maxBytes: number): Promise<void> => {
  const pins = await pinsIn(openFolder)
  const kept = await entriesOf(keptFolder)
  let bytes = bytesOf([...pins, ...kept])
  const unused = kept.filter(({ names }) => names === 1)
  for (const { path, bytes: freed } of unused.toSorted((left, right) => left.changedTimeMs - right.changedTimeMs)) {
    if (bytes <= maxBytes) return
    await rm(path, { force: true })
    bytes -= freed
  }
  if (bytes <= maxBytes) return
  const advice = 'ask for less at a time, or raise ARCHIVE_CACHE_BYTES'
  throw new StoreError('full', `the object cache holds ${maxBytes} bytes and all of it is being read; ${advice}`)
}

export const openCacheFolder = async (folder: string): Promise<CacheFolder> => {
  const [keptFolder, openFolder] = [join(folder, 'kept'), join(folder, 'open')]
  const own = join(openFolder, `${PROCESS_NAME}~${randomBytes(4).toString('hex')}`)
  await mkdir(keptFolder, { recursive: true })
  let pinCount = 0
  return {
    keptPath: (sha256) => join(keptFolder, sha256),
    newPin: async (sha256) => {
      await mkdir(own, { recursive: true })
      return join(own, `${(pinCount += 1)}-${sha256}`)
    },
    isPin: (path) => path.startsWith(own),
    makeRoom: (maxBytes) => makeRoom(keptFolder, openFolder, maxBytes),
    [Symbol.asyncDispose]: () => rm(own, { recursive: true, force: true }),
  }
}
