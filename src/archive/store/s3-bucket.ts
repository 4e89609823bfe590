import { S3Client } from '@aws-sdk/client-s3'
import { checkKey, type S3Place } from './store-url.ts'
import { toStoreError } from './s3-errors.ts'

/** For stores that are slower or nearer than usual, and for tests. */
export type S3Tuning = {
  /** At least 5 MiB, but for the last part. */
  partBytes: number
  /** Parts in flight at a time; each is held in memory. */
  partsAtOnce: number
  /** Of each call, with growing pauses. */
  attempts: number
  /** A connection that carries nothing for so long is lost. */
  idleTimeoutMs: number
}

const CONNECT_TIMEOUT_MS = 10_000

export type Bucket = {
  name: string
  client: S3Client
  toKey: (key: string) => string
  /** A beginning of keys need not be a key itself. */
  toPrefix: (prefix: string) => string
  ofKey: (key: string) => string
  tuning: S3Tuning
  /** @throws StoreError for what the SDK threw; the signal's reason where it aborted. */
  asking: <T>(what: string, work: () => Promise<T>, signal?: AbortSignal) => Promise<T>
}

const clientFor = (place: S3Place, tuning: S3Tuning): S3Client => {
  const { endpoint, region, isPathStyle } = place
  return new S3Client({
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(isPathStyle === undefined ? {} : { forcePathStyle: isPathStyle }),
    maxAttempts: tuning.attempts,
    // Every store knows Content-MD5; the SDK's own checksums are unknown to some.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: tuning.idleTimeoutMs },
  })
}

export const openBucket = (place: S3Place, tuning: S3Tuning): Bucket => {
  const { bucket, prefix } = place
  return {
    name: bucket,
    client: clientFor(place, tuning),
    toKey: (key) => {
      checkKey(key)
      return `${prefix}${key}`
    },
    toPrefix: (begin) => `${prefix}${begin}`,
    ofKey: (key) => key.slice(prefix.length),
    tuning,
    asking: async (what, work, signal) => {
      try {
        return await work()
      } catch (error) {
        if (signal?.aborted) throw signal.reason
        throw toStoreError(error, what)
      }
    },
  }
}
