import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openS3Bed, PART_BYTES } from '../support/s3-bed.ts'
import { isComplete, isPart, type S3Fault, type S3Faults } from '../support/s3-faults.ts'
import { openS3, whyNoS3, type TestS3 } from '../support/s3.ts'
import { until } from '../support/normalizer-shard.ts'

const BYTES = 3 * PART_BYTES + 7
const KEY = 'table=order_books/date=2026-10-01/part-0.parquet'
const FOREVER = 1_000

const withoutS3 = await whyNoS3()
describe.skipIf(withoutS3 !== undefined)('an upload to S3', () => {
  let s3: TestS3
  beforeAll(async () => {
    s3 = await openS3()
  })
  afterAll(() => s3[Symbol.asyncDispose]())

  const unfinished = async (): Promise<number> =>
    (await s3.client.send(new ListMultipartUploadsCommand({ Bucket: 'archive' }))).Uploads?.length ?? 0

  const partsSent = (faults: S3Faults, from = 0): number =>
    faults
      .calls()
      .slice(from)
      .filter((call) => call.includes('partNumber=')).length

  it('goes on behind the parts that an earlier try had sent, and tells of them', async () => {
    await using bed = await openS3Bed(s3)
    const given = bed.folder.file('given', BYTES)
    bed.faults.fail('status_500', ({ path }) => path.includes('partNumber=3'), FOREVER)
    await using killed = bed.open()
    await expect(killed.put(KEY, given.path, given)).rejects.toMatchObject({ fault: 'unreachable', retryable: true })
    expect(await killed.head(KEY)).toBeUndefined()

    bed.faults.heal()
    await using store = bed.open()
    const before = bed.faults.calls().length
    const seen: number[] = []
    await store.put(KEY, given.path, { ...given, onProgress: (done) => seen.push(done) })
    expect(partsSent(bed.faults, before)).toBe(2)
    expect(seen).toEqual([2 * PART_BYTES, 3 * PART_BYTES, BYTES])
    expect(await store.get(KEY, bed.folder.path('back'))).toEqual({ bytes: BYTES, sha256: given.sha256 })
    expect(await store.head(KEY)).toEqual({ bytes: BYTES, sha256: given.sha256 })
    expect(await unfinished()).toBe(0)
  })

  it('begins anew where the content is another, and leaves nothing of the earlier try', async () => {
    await using bed = await openS3Bed(s3)
    await using store = bed.open()
    const [first, second] = [bed.folder.file('first', BYTES), bed.folder.file('second', BYTES)]
    bed.faults.fail('status_500', isComplete, FOREVER)
    await expect(store.put(KEY, first.path, first)).rejects.toMatchObject({ retryable: true })
    expect(await unfinished()).toBe(1)
    bed.faults.heal()
    const before = bed.faults.calls().length
    await store.put(KEY, second.path, second)
    expect(partsSent(bed.faults, before)).toBe(4)
    expect((await store.get(KEY, bed.folder.path('back'))).sha256).toBe(second.sha256)
    expect(await unfinished()).toBe(0)
  })

  it('that goes on with parts of a content that began alike does not keep its label', async () => {
    await using bed = await openS3Bed(s3)
    await using store = bed.open()
    const start = randomBytes(2 * PART_BYTES)
    const [first, second] = ['a', 'b'].map((end) => bed.folder.file(end, Buffer.concat([start, Buffer.from(end)])))
    if (first === undefined || second === undefined) throw new Error('expected two files')
    bed.faults.fail('status_500', ({ path }) => path.includes('partNumber=3'), FOREVER)
    await expect(store.put(KEY, first.path, first)).rejects.toMatchObject({ retryable: true })
    bed.faults.heal()
    await expect(store.put(KEY, second.path, second)).rejects.toMatchObject({ fault: 'damaged', retryable: true })
    await store.put(KEY, second.path, second)
    expect(await store.head(KEY)).toEqual({ bytes: second.content.length, sha256: second.sha256 })
    expect((await store.get(KEY, bed.folder.path('back'))).sha256).toBe(second.sha256)
  })

  it('that nobody resumes is given up when it is old enough', async () => {
    await using bed = await openS3Bed(s3)
    await using store = bed.open()
    const given = bed.folder.file('given', BYTES)
    bed.faults.fail('status_500', isPart, FOREVER)
    await expect(store.put(KEY, given.path, given)).rejects.toMatchObject({ retryable: true })
    bed.faults.heal()
    expect(await store.abortStale('table=order_books/', 3_600_000)).toBe(0)
    expect(await store.abortStale('table=other/', 0)).toBe(0)
    expect(await store.abortStale('table=order_books/', 0)).toBe(1)
    expect(await unfinished()).toBe(0)
  })

  it.each<S3Fault>(['status_500', 'slow_down', 'timeout', 'truncated_upload', 'lost_answer'])(
    'survives a %s of any of its calls without a further try of the caller',
    async (fault) => {
      await using bed = await openS3Bed(s3)
      // A busy machine may let a second of silence pass in a try that was not disturbed.
      await using store = bed.open({ attempts: 5, ...(fault === 'timeout' ? { idleTimeoutMs: 1_000 } : {}) })
      const given = bed.folder.file('given', PART_BYTES + 1)
      const met = new Set<string>()
      const kindOf = (method: string, path: string) =>
        `${method} ${[...new URLSearchParams(path.split('?')[1]).keys()].join(' ')}`
      bed.faults.fail(
        fault,
        ({ method, path }) => {
          const isFirst = !met.has(kindOf(method, path))
          met.add(kindOf(method, path))
          return isFirst
        },
        FOREVER,
      )
      await store.put(KEY, given.path, given)
      expect(bed.faults.failures()).toBeGreaterThanOrEqual(5)
      expect((await store.get(KEY, bed.folder.path('back'))).sha256).toBe(given.sha256)
    },
  )

  it('a part of which arrives with a flipped bit is refused by S3, and the next try mends it', async () => {
    await using bed = await openS3Bed(s3)
    await using store = bed.open()
    const given = bed.folder.file('given', BYTES)
    bed.faults.fail('flipped_upload', ({ path }) => path.includes('partNumber=2'))
    await expect(store.put(KEY, given.path, given)).rejects.toMatchObject({ fault: 'damaged', retryable: true })
    expect(await store.head(KEY)).toBeUndefined()
    await store.put(KEY, given.path, given)
    expect((await store.get(KEY, bed.folder.path('back'))).sha256).toBe(given.sha256)
  })

  it('is begun again when S3 is back after a kill', async () => {
    await using bed = await openS3Bed(s3)
    await using store = bed.open()
    const given = bed.folder.file('given', BYTES)
    bed.faults.fail('held', ({ path }) => path.includes('partNumber=2'))
    const putting = store.put(KEY, given.path, given)
    const lost = expect(putting).rejects.toMatchObject({ fault: 'unreachable', retryable: true })
    await until('the second part is on its way', () => bed.faults.failures() === 1)
    await s3.kill()
    bed.faults.heal()
    await lost
    await s3.start()
    await store.put(KEY, given.path, given)
    expect((await store.get(KEY, bed.folder.path('back'))).sha256).toBe(given.sha256)
  })

  it('of which two copies run ends with one whole object', async () => {
    await using bed = await openS3Bed(s3)
    await using store = bed.open()
    await using other = bed.open()
    const given = bed.folder.file('given', BYTES)
    const both = await Promise.allSettled([store.put(KEY, given.path, given), other.put(KEY, given.path, given)])
    expect(both.some(({ status }) => status === 'fulfilled')).toBe(true)
    for (const one of both) if (one.status === 'rejected') expect(one.reason).toMatchObject({ retryable: true })
    expect((await store.get(KEY, bed.folder.path('back'))).sha256).toBe(given.sha256)
    expect(await store.abortStale('', 0)).toBeLessThanOrEqual(1)
  })
})
