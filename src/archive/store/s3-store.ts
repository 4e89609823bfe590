import { DeleteObjectCommand, HeadObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3'
import { StoreError, type ObjectStore, type OpenObjectStore } from './object-store.ts'
import { openBucket, type Bucket, type S3Tuning } from './s3-bucket.ts'
import { createS3Reads } from './s3-download.ts'
import { abortUpload, unfinishedUploads } from './s3-unfinished.ts'
import { createS3Put, LABEL } from './s3-upload.ts'
import type { S3Place } from './store-url.ts'

const USUAL: S3Tuning = {
  // Hashing a part holds up everything else of the process: some 40 ms.
  partBytes: 8 * 1024 * 1024,
  partsAtOnce: 3,
  attempts: 5,
  idleTimeoutMs: 30_000,
}

const createHead =
  ({ client, name: Bucket, toKey, asking }: Bucket): ObjectStore['head'] =>
  async (key) => {
    const command = new HeadObjectCommand({ Bucket, Key: toKey(key) })
    try {
      const { ContentLength, Metadata } = await asking(`could not look at ${key}`, () => client.send(command))
      return { bytes: ContentLength ?? 0, sha256: Metadata?.[LABEL] }
    } catch (error) {
      if (error instanceof StoreError && error.fault === 'missing') return undefined
      throw error
    }
  }

async function* list({ client, name: Bucket, toPrefix, ofKey, asking }: Bucket, prefix: string) {
  const pages = paginateListObjectsV2({ client }, { Bucket, Prefix: toPrefix(prefix) })
  const nextPage = () => asking(`could not list ${prefix}`, () => pages.next())
  for (let page = await nextPage(); page.done !== true; page = await nextPage()) {
    for (const { Key, Size } of page.value.Contents ?? []) {
      if (Key !== undefined && Size !== undefined) yield { key: ofKey(Key), bytes: Size }
    }
  }
}

const createAbortStale =
  (bucket: Bucket): ObjectStore['abortStale'] =>
  async (prefix, olderThanMs) => {
    const { signal } = new AbortController()
    let abortedCount = 0
    for await (const upload of unfinishedUploads(bucket, bucket.toPrefix(prefix), signal)) {
      if (Date.now() - upload.sinceTimeMs < olderThanMs) continue
      if (await abortUpload(bucket, upload.key, upload.id)) abortedCount += 1
    }
    return abortedCount
  }

const urlOf = ({ bucket, prefix, endpoint }: S3Place): string =>
  `s3://${bucket}/${prefix}${endpoint === undefined ? '' : `?endpoint=${endpoint}`}`

export const openS3Store = (place: S3Place, tuning: Partial<S3Tuning> = {}): OpenObjectStore => {
  const bucket = openBucket(place, { ...USUAL, ...tuning })
  const { client, name: Bucket, toKey, asking } = bucket
  const head = createHead(bucket)
  return {
    url: urlOf(place),
    put: createS3Put(bucket, head),
    ...createS3Reads(bucket),
    head,
    list: (prefix) => list(bucket, prefix),
    remove: async (key) => {
      const command = new DeleteObjectCommand({ Bucket, Key: toKey(key) })
      await asking(`could not remove ${key}`, () => client.send(command))
    },
    abortStale: createAbortStale(bucket),
    [Symbol.asyncDispose]: async () => client.destroy(),
  }
}
