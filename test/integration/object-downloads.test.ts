import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openObjectStore } from '../../src/archive/store/open.ts'
import { openFileFolder } from '../support/object-files.ts'
import { openS3Bed, PART_BYTES } from '../support/s3-bed.ts'
import { isGet, type S3Fault } from '../support/s3-faults.ts'
import { openS3, whyNoS3, type TestS3 } from '../support/s3.ts'
import { until } from '../support/normalizer-shard.ts'

const BYTES = 3 * PART_BYTES + 7
const KEY = 'table=order_books/date=2026-10-01/part-0.parquet'
const FOREVER = 1_000

const withoutS3 = await whyNoS3()
describe.skipIf(withoutS3 !== undefined)('an object in S3', () => {
  let s3: TestS3
  beforeAll(async () => {
    s3 = await openS3()
  })
  afterAll(() => s3[Symbol.asyncDispose]())

  it.each<S3Fault>(['cut_body', 'stall_body'])('comes back whole over a %s', async (fault) => {
    await using bed = await openS3Bed(s3)
    // A busy machine may let a second of silence pass in a try that was not disturbed.
    await using store = bed.open({ attempts: 4, ...(fault === 'stall_body' ? { idleTimeoutMs: 1_000 } : {}) })
    const given = bed.folder.file('given', BYTES)
    await store.put(KEY, given.path, given)
    bed.faults.fail(fault, isGet, 5)
    expect(await store.get(KEY, bed.folder.path('back'))).toEqual({ bytes: BYTES, sha256: given.sha256 })
    expect(bed.faults.failures()).toBe(5)
  })

  it('comes back as nothing where the connection is cut each time', async () => {
    await using bed = await openS3Bed(s3)
    await using store = bed.open()
    const given = bed.folder.file('given', 8)
    await store.put(KEY, given.path, given)
    bed.faults.fail('cut_body', isGet, FOREVER)
    await expect(store.get(KEY, bed.folder.path('back'))).rejects.toMatchObject({
      fault: 'unreachable',
      retryable: true,
    })
    expect(readdirSync(bed.folder.path('.'))).toEqual(['given'])
  })

  it('a bit of which is flipped on its way back has another SHA-256', async () => {
    await using bed = await openS3Bed(s3)
    await using store = bed.open()
    const given = bed.folder.file('given', BYTES)
    await store.put(KEY, given.path, given)
    bed.faults.fail('flipped_bit', isGet)
    expect((await store.get(KEY, bed.folder.path('back'))).sha256).not.toBe(given.sha256)
    expect((await store.get(KEY, bed.folder.path('back'))).sha256).toBe(given.sha256)
  })

  it('that is replaced while it is read does not come back as half of each', async () => {
    await using bed = await openS3Bed(s3)
    await using store = bed.open()
    const [first, second] = [bed.folder.file('first', BYTES), bed.folder.file('second', BYTES)]
    await store.put(KEY, first.path, first)
    bed.faults.fail('cut_body', isGet)
    bed.faults.fail('held', isGet)
    const reading = expect(store.get(KEY, bed.folder.path('back'))).rejects.toMatchObject({
      fault: 'damaged',
      retryable: true,
    })
    await until('the rest is asked for', () => bed.faults.failures() === 2)
    await store.put(KEY, second.path, second)
    bed.faults.heal()
    await reading
    expect((await store.get(KEY, bed.folder.path('back'))).sha256).toBe(second.sha256)
  })
})

describe.skipIf(withoutS3 !== undefined)('S3 that refuses', () => {
  let s3: TestS3
  beforeAll(async () => {
    s3 = await openS3()
  })
  afterAll(() => s3[Symbol.asyncDispose]())

  it('because there is no such bucket is a final error that says what to do', async () => {
    using folder = openFileFolder()
    const given = folder.file('given', 1)
    await using store = openObjectStore(s3.url('').replace('archive', 'absent'))
    const put = expect(store.put(KEY, given.path, given)).rejects
    await put.toMatchObject({
      retryable: false,
      message: expect.stringContaining('make the bucket, or correct ARCHIVE_URL'),
    })
  })

  it('because the key is unknown or wrong is a final error that names the variable and no secret', async () => {
    using folder = openFileFolder()
    const given = folder.file('given', 1)
    const { AWS_ACCESS_KEY_ID: id = '', AWS_SECRET_ACCESS_KEY: secret = '' } = process.env
    process.env['AWS_SECRET_ACCESS_KEY'] = 'not-the-secret'
    await using wrong = openObjectStore(s3.url(''))
    await expect(wrong.put(KEY, given.path, given)).rejects.toMatchObject({
      fault: 'denied',
      retryable: false,
      message: expect.stringMatching(/^(?!.*not-the-secret).*AWS_SECRET_ACCESS_KEY does not fit/),
    })
    process.env['AWS_ACCESS_KEY_ID'] = 'nobody'
    await using unknown = openObjectStore(s3.url(''))
    await expect(unknown.put(KEY, given.path, given)).rejects.toMatchObject({
      fault: 'denied',
      message: expect.stringContaining('does not know this AWS_ACCESS_KEY_ID'),
    })
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret })
  })
})
