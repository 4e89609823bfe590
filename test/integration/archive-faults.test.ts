import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MockActivityEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { readManifest } from '../../src/archive/manifest.ts'
import { openObjectStore } from '../../src/archive/store/open.ts'
import { DAY, fillDay, forgetDay, NAME, openTestArchive, type TestArchive } from '../support/archive-day.ts'
import { isGet, openS3Faults, type S3Fault, type S3Faults } from '../support/s3-faults.ts'
import { openS3, whyNoS3, type TestS3 } from '../support/s3.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const ROWS = 30_000
const PARTITION = 'order_books_20260605'
const CHILD = join(import.meta.dirname, '../support/archive-child.ts')
const isPut = ({ method }: { method: string }): boolean => method === 'PUT'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())
beforeEach(async () => {
  await forgetDay(database.pool)
  await fillDay(database.pool, ROWS)
})

const until = async (check: () => Promise<boolean> | boolean): Promise<void> => {
  for (let at = 0; at < 4_000; at++) {
    if (await check()) return
    await sleep(30)
  }
  throw new Error(`waited for ${check.toString()}`)
}

/** As Temporal does: again until it succeeds. */
const persistently = async <T>(step: () => Promise<T>): Promise<{ result: T; failures: number }> => {
  for (let failures = 0; ; failures++) {
    try {
      return { result: await step(), failures }
    } catch (error) {
      if (failures === 20) throw error
      await sleep(20)
    }
  }
}

const rowsOf = async (): Promise<number> =>
  Number((await database.pool.query<{ n: string }>('select count(*) as n from order_books')).rows[0]?.n)

const manifest = () =>
  readManifest(database.pool, { table: 'order_books', from: `${DAY}T00:00:00Z`, to: `${DAY}T00:00:00Z` })

const archiveWholly = async ({ activities, run }: TestArchive): Promise<number> => {
  const sealedAt = await activities.sealRows(NAME)
  const write = await persistently(() => run(activities.writePart, { name: NAME, sealedAt, isAnew: false }))
  const written = write.result
  const proof = await persistently(async () => {
    const verdict = await run(activities.provePart, { name: NAME, written, sealedAt })
    if (verdict.type === 'differs') await run(activities.writePart, { name: NAME, sealedAt, isAnew: true })
    if (verdict.type === 'differs') throw new Error(verdict.detail)
  })
  expect(await rowsOf()).toBe(ROWS)
  const drop = await persistently(() => run(activities.dropPart, NAME))
  expect(drop.result).toEqual({ type: 'done' })
  return write.failures + proof.failures + drop.failures
}

const startChild = (storeUrl: string, folder: string): ChildProcess => {
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, database.url, storeUrl, folder], {
    stdio: 'inherit',
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

const kill = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

test('a worker that is killed while it reads leaves a day that the next one archives', async () => {
  await using archive = openTestArchive(database.pool)
  await archive.activities.sealRows(NAME)
  const holder = await database.pool.connect()
  await holder.query(`begin; lock table ${PARTITION} in access exclusive mode`)
  const child = startChild(archive.deps.store.url, archive.deps.folder)
  const waiting = `select from pg_locks where not granted and relation = '${PARTITION}'::regclass`
  await until(async () => (await database.pool.query(waiting)).rowCount !== 0)
  await kill(child)
  await holder.query('commit')
  holder.release()
  await archiveWholly(archive)
  expect((await manifest())[0]).toMatchObject({ rows: ROWS, isDropped: true })
})

test('a step that is cancelled ends soon and leaves nobody in its way', async () => {
  await using archive = openTestArchive(database.pool)
  const sealedAt = await archive.activities.sealRows(NAME)
  const environment = new MockActivityEnvironment()
  const writing: Promise<unknown> = environment.run(archive.activities.writePart, {
    name: NAME,
    sealedAt,
    isAnew: false,
  })
  environment.cancel('CANCELLED')
  await expect(writing).rejects.toThrow()
  await archiveWholly(archive)
})

test('two runs at one part: the second is told so and tries again', async () => {
  await using archive = openTestArchive(database.pool)
  const sealedAt = await archive.activities.sealRows(NAME)
  const write = () => archive.run(archive.activities.writePart, { name: NAME, sealedAt, isAnew: false })
  const both = await Promise.allSettled([write(), write()])
  expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  expect(both.find((one) => one.status === 'rejected')?.reason).toMatchObject({
    message: expect.stringContaining('another run'),
  })
  expect((await persistently(write)).result.bytes).toBeGreaterThan(0)
})

/** A disk of so many megabytes, for those who may mount one. */
const mountDisk = (folder: string, megabytes: number, how = 'size'): boolean => {
  const options = how === 'size' ? `size=${megabytes}m` : `remount,size=${megabytes}m`
  return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).status === 0
}

test('a disk that is full while a day is in work costs tries, not rows', async ({ skip }) => {
  await using archive = openTestArchive(database.pool)
  const { folder } = archive.deps
  mkdirSync(folder, { recursive: true })
  if (!mountDisk(folder, 1)) {
    console.error('skipped: this test mounts a small disk, which this user may not')
    skip()
  }
  onTestFinished(() => void spawnSync('umount', ['-l', folder]))
  const sealedAt = await archive.activities.sealRows(NAME)
  const write = () => archive.run(archive.activities.writePart, { name: NAME, sealedAt, isAnew: false })
  await expect(write()).rejects.toThrow(/ENOSPC|No space left/)
  expect(await rowsOf()).toBe(ROWS)
  mountDisk(folder, 256, 'remount')
  await archiveWholly(archive)
  expect((await manifest())[0]).toMatchObject({ rows: ROWS, isDropped: true })
  spawnSync('umount', [folder])
})

const reason = await whyNoS3()
describe.skipIf(reason !== undefined)(`with a real S3 server${reason === undefined ? '' : ` (${reason})`}`, () => {
  let s3: TestS3
  let faults: S3Faults
  let archive: TestArchive
  beforeAll(async () => {
    s3 = await openS3()
    faults = await openS3Faults(s3.port)
  })
  afterAll(async () => {
    await faults[Symbol.asyncDispose]()
    await s3[Symbol.asyncDispose]()
  })
  beforeEach(async ({ task }) => {
    faults.heal()
    const store = openObjectStore(s3.url(task.id, faults.port), { attempts: 1, idleTimeoutMs: 1_000 })
    archive = openTestArchive(database.pool, { store })
    return async () => {
      faults.heal()
      await store[Symbol.asyncDispose]()
      await archive[Symbol.asyncDispose]()
    }
  })

  test.each<[S3Fault, typeof isGet]>([
    ['status_500', isPut],
    ['timeout', isPut],
    ['lost_answer', isPut],
    ['truncated_upload', isPut],
    ['status_500', isGet],
    ['cut_body', isGet],
    ['flipped_bit', isGet],
  ])(
    '%s of S3 costs tries, and the run completes when it ends',
    async (fault, matches) => {
      faults.fail(fault, matches, 2)
      const failures = await archiveWholly(archive)
      expect(failures).toBeGreaterThan(0)
      const [found] = await manifest()
      expect(found).toMatchObject({ rows: ROWS, isDropped: true })
      expect((await archive.deps.store.head(found?.key ?? ''))?.bytes).toBe(found?.bytes)
    },
    30_000,
  )

  test('a worker that is killed while it uploads: the next one goes on with its file', async () => {
    const failuresBefore = faults.failures()
    faults.fail('held', isPut)
    const child = startChild(s3.url('killed', faults.port), archive.deps.folder)
    const sum = join(archive.deps.folder, `order_books-${DAY}-0`, 'part.sum')
    await until(() => faults.failures() > failuresBefore)
    await kill(child)
    const before = { sum: readFileSync(sum, 'utf8'), mtimeMs: (await stat(sum)).mtimeMs }
    faults.heal()
    const sealedAt = await archive.activities.sealRows(NAME)
    await persistently(() => archive.run(archive.activities.writePart, { name: NAME, sealedAt, isAnew: false }))
    expect((await stat(sum)).mtimeMs).toBe(before.mtimeMs)
    await archiveWholly(archive)
    expect(before.sum).toContain((await manifest())[0]?.sha256)
  })

  test('a store that denies access ends the step at once, with what to do', async () => {
    const store = openObjectStore(s3.url('x').replace('archive/', 'no-such-bucket/'), { attempts: 1 })
    await using elsewhere = openTestArchive(database.pool, { store })
    const sealedAt = await elsewhere.activities.sealRows(NAME)
    const writing = elsewhere.run(elsewhere.activities.writePart, { name: NAME, sealedAt, isAnew: false })
    await expect(writing).rejects.toMatchObject({ nonRetryable: true, type: expect.stringMatching(/^store_/) })
    expect(await rowsOf()).toBe(ROWS)
  })
})
