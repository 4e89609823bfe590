import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openObjectCache } from '../../src/archive/object-cache.ts'
import { openObjectStore } from '../../src/archive/store/open.ts'
import { openFileFolder, sha256Of, type FileFolder, type LocalFile } from '../support/object-files.ts'
import { isGet, openS3Faults, type S3Faults } from '../support/s3-faults.ts'
import { openS3, whyNoS3, type TestS3 } from '../support/s3.ts'
import { until } from '../support/normalizer-shard.ts'

const BYTES = 200_000

type Bed = AsyncDisposable & {
  folder: FileFolder
  faults: S3Faults
  url: string
  cacheFolder: string
  /** Objects `o0`, `o1`, … */
  objects: LocalFile[]
  open: (maxBytes: number) => ReturnType<typeof openObjectCache>
  fetches: () => number
}

const keyOf = (at: number): string => `part-${at}.parquet`

const kept = (folder: string): string[] => readdirSync(join(folder, 'kept'))

/** What files take, each once however many names it has. */
const bytesIn = (folder: string): number => {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const sizes = new Map(
    files.map(({ parentPath, name }) => {
      const { ino, size } = statSync(join(parentPath, name))
      return [ino, size]
    }),
  )
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0)
}

const withoutS3 = await whyNoS3()
describe.skipIf(withoutS3 !== undefined)('the cache of objects in S3', () => {
  let s3: TestS3
  let nextPrefix = 0
  beforeAll(async () => {
    s3 = await openS3()
  })
  afterAll(() => s3[Symbol.asyncDispose]())

  const openBed = async (count: number): Promise<Bed> => {
    const folder = openFileFolder()
    const faults = await openS3Faults(s3.port)
    const url = s3.url(`cache-${(nextPrefix += 1)}`, faults.port)
    const store = openObjectStore(url, { attempts: 2 })
    const objects = Array.from({ length: count }, (_, at) => folder.file(`o${at}`, BYTES))
    for (const [at, object] of objects.entries()) await store.put(keyOf(at), object.path, object)
    const cacheFolder = folder.path('cache')
    return {
      folder,
      faults,
      url,
      cacheFolder,
      objects,
      open: (maxBytes) => openObjectCache({ store, folder: cacheFolder, maxBytes }),
      fetches: () => faults.calls().filter((call) => call.startsWith('GET ')).length,
      [Symbol.asyncDispose]: async () => {
        await store[Symbol.asyncDispose]()
        await faults[Symbol.asyncDispose]()
        folder[Symbol.dispose]()
      },
    }
  }

  const shaOf = (bed: Bed, at: number): string => bed.objects[at]?.sha256 ?? ''
  const hashAt = (path: string): string => sha256Of(readFileSync(path))

  it('fetches one once for all that read it, together or later', async () => {
    await using bed = await openBed(1)
    await using cache = await bed.open(BYTES)
    const both = await Promise.all([cache.open(keyOf(0), shaOf(bed, 0)), cache.open(keyOf(0), shaOf(bed, 0))])
    await using other = await bed.open(BYTES)
    const paths = [...both, await other.open(keyOf(0), shaOf(bed, 0))]
    expect(paths.map(hashAt)).toEqual([shaOf(bed, 0), shaOf(bed, 0), shaOf(bed, 0)])
    expect(bed.fetches()).toBe(1)
    expect(bytesIn(bed.cacheFolder)).toBe(BYTES)
  })

  it('gives up the one that was read longest ago', async () => {
    await using bed = await openBed(4)
    await using cache = await bed.open(3 * BYTES)
    for (const at of [0, 1, 2, 0, 3]) {
      await cache.release(await cache.open(keyOf(at), shaOf(bed, at)))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect(kept(bed.cacheFolder).toSorted()).toEqual([0, 2, 3].map((at) => shaOf(bed, at)).toSorted())
    expect(bed.fetches()).toBe(4)
  })

  it('keeps what somebody reads, and says so where there is room for nothing else', async () => {
    await using bed = await openBed(3)
    await using cache = await bed.open(2 * BYTES)
    const path = await cache.open(keyOf(0), shaOf(bed, 0))
    {
      await using other = await bed.open(2 * BYTES)
      await other.open(keyOf(1), shaOf(bed, 1))
      const refused = expect(cache.open(keyOf(2), shaOf(bed, 2))).rejects
      await refused.toMatchObject({
        fault: 'full',
        retryable: true,
        message: expect.stringContaining('ARCHIVE_CACHE_BYTES'),
      })
    }
    expect(hashAt(await cache.open(keyOf(2), shaOf(bed, 2)))).toBe(shaOf(bed, 2))
    expect(hashAt(path)).toBe(shaOf(bed, 0))
    expect(bytesIn(bed.cacheFolder)).toBe(2 * BYTES)
  })

  it('fetches none that is larger than all of it', async () => {
    await using bed = await openBed(1)
    await using cache = await bed.open(BYTES - 1)
    await expect(cache.open(keyOf(0), shaOf(bed, 0))).rejects.toMatchObject({ fault: 'refused', retryable: false })
    await expect(cache.open('absent', shaOf(bed, 0))).rejects.toMatchObject({ fault: 'missing' })
    expect(bed.fetches()).toBe(0)
  })

  it('fetches one anew that came with a flipped bit', async () => {
    await using bed = await openBed(1)
    await using cache = await bed.open(BYTES)
    bed.faults.fail('flipped_bit', isGet, 2)
    expect(hashAt(await cache.open(keyOf(0), shaOf(bed, 0)))).toBe(shaOf(bed, 0))
    expect(bed.fetches()).toBe(3)
  })

  it('never shows one that is damaged in the store, nor one that was cut', async () => {
    await using bed = await openBed(1)
    await using cache = await bed.open(BYTES)
    await expect(cache.open(keyOf(0), sha256Of(Buffer.from('another')))).rejects.toMatchObject({ fault: 'damaged' })
    bed.faults.fail('cut_body', isGet, 1_000)
    await expect(cache.open(keyOf(0), shaOf(bed, 0))).rejects.toMatchObject({ retryable: true })
    expect(bytesIn(bed.cacheFolder)).toBe(0)
  })

  it('takes back the room of a process that was killed while it fetched', async () => {
    await using bed = await openBed(2)
    bed.faults.fail('held', isGet)
    const args = [bed.url, bed.cacheFolder, String(BYTES), keyOf(0), shaOf(bed, 0)]
    const child = spawn(process.execPath, ['--import', 'tsx', 'test/support/cache-child.ts', ...args], {
      stdio: 'ignore',
    })
    await until('the child fetches', () => bed.faults.failures() === 1)
    await using cache = await bed.open(BYTES)
    await expect(cache.open(keyOf(1), shaOf(bed, 1))).rejects.toMatchObject({ fault: 'full' })
    child.kill('SIGKILL')
    await once(child, 'exit')
    bed.faults.heal()
    expect(hashAt(await cache.open(keyOf(1), shaOf(bed, 1)))).toBe(shaOf(bed, 1))
    expect(bytesIn(bed.cacheFolder)).toBe(BYTES)
  })

  it('stays within its bytes, and right, however many readers come and go', async () => {
    const [objects, room] = [6, 4]
    await using bed = await openBed(objects)
    const reader = async (): Promise<number> => {
      await using cache = await bed.open(room * BYTES)
      let readCount = 0
      for (let turn = 0; turn < 15; turn += 1) {
        const at = Math.floor(Math.random() * objects)
        const path = await cache.open(keyOf(at), shaOf(bed, at)).catch((error: unknown) => {
          expect(error).toMatchObject({ fault: 'full' })
        })
        if (path === undefined) continue
        expect(hashAt(path)).toBe(shaOf(bed, at))
        await cache.release(path)
        readCount += 1
      }
      return readCount
    }
    const counts = await Promise.all([reader(), reader(), reader()])
    expect(Math.min(...counts)).toBeGreaterThan(0)
    expect(bytesIn(bed.cacheFolder)).toBeLessThanOrEqual(room * BYTES)
  })
})

describe('the cache of objects in a folder of this machine', () => {
  it('lets them be read where they lie, once what they hold was compared', async () => {
    using folder = openFileFolder()
    await using store = openObjectStore(pathToFileURL(folder.path('store')).href)
    await using cache = await openObjectCache({ store, folder: folder.path('cache'), maxBytes: 1 })
    const given = folder.file('given', BYTES)
    await store.put(keyOf(0), given.path, given)
    const path = await cache.open(keyOf(0), given.sha256)
    expect(path).toBe(folder.path(`store/${keyOf(0)}`))
    await cache.release(path)
    expect(existsSync(path)).toBe(true)
    writeFileSync(path, given.content.fill(0, 0, 1))
    await expect(cache.open(keyOf(0), given.sha256)).rejects.toMatchObject({ fault: 'damaged' })
    await expect(cache.open('absent', given.sha256)).rejects.toMatchObject({ fault: 'missing' })
  })
})
