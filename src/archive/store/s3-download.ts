import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3'
import { Readable } from 'node:stream'
import { waitBeforeRetry } from '../../lib/retry.ts'
import { writeWhole } from './local-file.ts'
import { StoreError, type ObjectStore } from './object-store.ts'
import type { Bucket } from './s3-bucket.ts'
import { toStoreError } from './s3-errors.ts'

const ask = (
  bucket: Bucket,
  key: string,
  options: { range?: string; etag?: string | undefined; signal: AbortSignal },
) => {
  const { range, etag, signal } = options
  const command = new GetObjectCommand({
    Bucket: bucket.name,
    Key: bucket.toKey(key),
    ...(range === undefined ? {} : { Range: range }),
    ...(etag === undefined ? {} : { IfMatch: etag }),
  })
  return bucket.asking(`could not read ${key}`, () => bucket.client.send(command, { abortSignal: signal }), signal)
}

const bodyOf = ({ Body }: GetObjectCommandOutput, key: string): AsyncIterable<Uint8Array> => {
  if (Body instanceof Readable) return Body
  throw new StoreError('unreachable', `the answer for ${key} has no body`)
}

type Progress = { at: number; total: number; etag: string | undefined }

/** Asks for the rest. @throws StoreError where it is of another object, or not the rest. */
const rest = async (
  bucket: Bucket,
  key: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<GetObjectCommandOutput> => {
  const { at, etag, total } = progress
  const answer = await ask(bucket, key, { range: `bytes=${at}-`, etag, signal })
  if (answer.ContentLength === total - at) return answer
  throw new StoreError('damaged', `${key}: expected ${total - at} bytes from ${at} on, got ${answer.ContentLength}`)
}

/** Bytes until the connection is lost. Undefined where it ended in order, which may still be too early. */
async function* untilLost(body: AsyncIterable<Uint8Array>, progress: Progress): AsyncGenerator<Uint8Array, unknown> {
  try {
    for await (const chunk of body) {
      progress.at += chunk.length
      yield chunk
    }
    return undefined
  } catch (error) {
    return error
  }
}

/** The whole object; where the connection is lost, goes on behind what has come. */
async function* download(bucket: Bucket, key: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let answer = await ask(bucket, key, { signal })
  const progress: Progress = { at: 0, total: answer.ContentLength ?? 0, etag: answer.ETag }
  for (let failures = 0; ; failures += 1) {
    const before = progress.at
    const lost: unknown = yield* untilLost(bodyOf(answer, key), progress)
    signal.throwIfAborted()
    if (progress.at >= progress.total) return
    if (progress.at > before) failures = 0
    if (failures + 1 >= bucket.tuning.attempts) {
      const what = `${key} ended after ${progress.at} of ${progress.total} bytes`
      throw lost === undefined ? new StoreError('unreachable', what) : toStoreError(lost, what)
    }
    await waitBeforeRetry(failures, signal)
    answer = await rest(bucket, key, progress, signal)
  }
}

const checkedLength = async (chunks: AsyncIterable<Uint8Array>, length: number, key: string): Promise<Uint8Array> => {
  const all = new Uint8Array(length)
  let at = 0
  for await (const chunk of chunks) {
    if (at + chunk.length > length) break
    all.set(chunk, at)
    at += chunk.length
  }
  if (at === length) return all
  throw new StoreError('unreachable', `${key}: the connection was lost after ${at} of ${length} bytes`)
}

export const createS3Reads = (bucket: Bucket): Pick<ObjectStore, 'get' | 'read'> => ({
  get: (key, path, { signal = new AbortController().signal } = {}) => writeWhole(path, download(bucket, key, signal)),
  read: async (key, from, length) => {
    const { signal } = new AbortController()
    const answer = await ask(bucket, key, { range: `bytes=${from}-${from + length - 1}`, signal })
    if (answer.ContentLength !== length) {
      throw new StoreError('refused', `${key}: expected ${length} bytes from ${from} on, got ${answer.ContentLength}`)
    }
    return checkedLength(bodyOf(answer, key), length, key)
  },
})
