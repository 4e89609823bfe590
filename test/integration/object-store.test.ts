import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openObjectStore } from '../../src/archive/store/open.ts'
import type { OpenObjectStore } from '../../src/archive/store/object-store.ts'
import { openFileFolder, sha256Of, type FileFolder } from '../support/object-files.ts'
import { openS3, whyNoS3, type TestS3 } from '../support/s3.ts'

const PART_BYTES = 5 * 1024 * 1024
const KEY = 'table=order_books/date=2026-10-01/part-0.parquet'

const withoutS3 = await whyNoS3()
let s3: TestS3 | undefined
beforeAll(async () => {
  if (withoutS3 === undefined) s3 = await openS3()
})
afterAll(async () => s3?.[Symbol.asyncDispose]())

let nextStore = 0
const openFile = (folder: FileFolder) => openObjectStore(pathToFileURL(folder.path('store')).href)
const openBucket = () => openObjectStore(s3?.url(`store ${(nextStore += 1)}/`) ?? '', { partBytes: PART_BYTES })

const keysOf = async (store: OpenObjectStore, prefix: string): Promise<string[]> => {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys.sort()
}

const stores = [
  { name: 'a folder', open: openFile, isThere: true },
  { name: 'S3', open: openBucket, isThere: withoutS3 === undefined },
]

describe.each(stores)('objects in $name', ({ open, isThere }) => {
  it.skipIf(!isThere).each([0, 1, PART_BYTES, 2 * PART_BYTES + 1])(
    'of %i bytes come back as they were',
    async (bytes) => {
      using folder = openFileFolder()
      await using store = open(folder)
      const given = folder.file('given', bytes)
      const seen: number[] = []
      expect(await store.put(KEY, given.path, { sha256: given.sha256, onProgress: (done) => seen.push(done) })).toEqual(
        { bytes },
      )
      expect(seen).toEqual(seen.toSorted((left, right) => left - right))
      expect(seen.at(-1) ?? 0).toBe(bytes)
      expect(await store.get(KEY, folder.path('back'))).toEqual({ bytes, sha256: given.sha256 })
      expect(sha256Of(readFileSync(folder.path('back')))).toBe(given.sha256)
      expect((await store.head(KEY))?.bytes).toBe(bytes)
    },
  )

  it.skipIf(!isThere)('are read in parts, and a part beyond the end is no part', async () => {
    using folder = openFileFolder()
    await using store = open(folder)
    const given = folder.file('given', 10_000)
    await store.put(KEY, given.path, given)
    expect(Buffer.from(await store.read(KEY, 9_990, 10))).toEqual(given.content.subarray(9_990))
    expect(Buffer.from(await store.read(KEY, 0, 4))).toEqual(given.content.subarray(0, 4))
    await expect(store.read(KEY, 9_990, 11)).rejects.toThrow('expected 11 bytes from 9990 on, got 10')
  })

  it.skipIf(!isThere)('are replaced whole, and removed as often as one likes', async () => {
    using folder = openFileFolder()
    await using store = open(folder)
    for (const name of ['first', 'second']) {
      const given = folder.file(name, 1_000)
      await store.put(KEY, given.path, given)
      expect((await store.get(KEY, folder.path('back'))).sha256).toBe(given.sha256)
    }
    await store.remove(KEY)
    await store.remove(KEY)
    expect(await store.head(KEY)).toBeUndefined()
    await expect(store.get(KEY, folder.path('none'))).rejects.toMatchObject({ fault: 'missing', retryable: false })
    await expect(store.read(KEY, 0, 1)).rejects.toMatchObject({ fault: 'missing' })
    expect(existsSync(folder.path('none'))).toBe(false)
  })

  it.skipIf(!isThere)('are listed by the beginning of their keys', async () => {
    using folder = openFileFolder()
    await using store = open(folder)
    const given = folder.file('given', 3)
    expect(await keysOf(store, '')).toEqual([])
    const keys = ['table=a/date=2026-10-01/part-0.parquet', 'table=a/date=2026-10-02/part-0.parquet', 'table=ab/part-0']
    for (const key of keys) await store.put(key, given.path, given)
    expect(await keysOf(store, '')).toEqual(keys)
    expect(await keysOf(store, 'table=a/')).toEqual(keys.slice(0, 2))
    expect(await keysOf(store, 'table=a/date=2026-10-02')).toEqual(keys.slice(1, 2))
  })

  it.skipIf(!isThere).each([1_000, PART_BYTES + 1])(
    'stay as they were where a file of %i bytes is not what was announced',
    async (bytes) => {
      using folder = openFileFolder()
      await using store = open(folder)
      const kept = folder.file('kept', 100)
      await store.put(KEY, kept.path, kept)
      const { path } = folder.file('other', bytes)
      await expect(store.put(KEY, path, { sha256: kept.sha256 })).rejects.toMatchObject({ fault: 'refused' })
      expect((await store.get(KEY, folder.path('back'))).sha256).toBe(kept.sha256)
      expect(await keysOf(store, '')).toEqual([KEY])
      expect(await store.abortStale('', 0)).toBe(0)
    },
  )

  it.skipIf(!isThere)('do not appear, nor local files, where the caller gives up', async () => {
    using folder = openFileFolder()
    await using store = open(folder)
    const given = folder.file('given', PART_BYTES + 1)
    const reason = new Error('the worker stops')
    const signal = AbortSignal.abort(reason)
    await expect(store.put(KEY, given.path, { ...given, signal })).rejects.toBe(reason)
    expect(await store.head(KEY)).toBeUndefined()
    await store.put(KEY, given.path, given)
    await expect(store.get(KEY, folder.path('back'), { signal })).rejects.toBe(reason)
    expect(readdirSync(folder.path('.'))).not.toContain('back')
  })

  it.skipIf(!isThere)('have keys that stay within the store', async () => {
    using folder = openFileFolder()
    await using store = open(folder)
    const given = folder.file('given', 1)
    for (const key of ['', '/a', 'a/', 'a//b', '../a', 'a/../../b', './a']) {
      await expect(store.put(key, given.path, given), key).rejects.toThrow('expected a key')
    }
  })
})

/** A file system of one MiB, where this user may mount one. */
const mountSmall = (folder: string): string | undefined => {
  mkdirSync(folder)
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { encoding: 'utf8' })
  return status === 0 ? undefined : `mount: ${stderr ?? 'is not there'}`
}

describe('a disk that is full', () => {
  it.for(['put', 'get'] as const)(
    'fails a %s so that it may be tried again, and holds no part of it',
    async (verb, { skip }) => {
      using folder = openFileFolder()
      const small = folder.path('small')
      const obstacle = mountSmall(small)
      skip(obstacle !== undefined, `skipped: a small file system is needed (${obstacle})`)
      try {
        await using large = openFile(folder)
        await using store = verb === 'put' ? openObjectStore(pathToFileURL(small).href) : large
        const given = folder.file('given', 600_000)
        if (verb === 'get') await store.put(KEY, given.path, given)
        writeFileSync(join(small, 'ballast'), Buffer.alloc(600_000))
        const move = () => (verb === 'put' ? store.put(KEY, given.path, given) : store.get(KEY, join(small, 'back')))
        await expect(move()).rejects.toMatchObject({ fault: 'full', retryable: true })
        rmSync(join(small, 'ballast'))
        const left = readdirSync(small, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
        expect(left).toEqual([])
        await move()
      } finally {
        spawnSync('umount', [small])
      }
    },
  )
})
