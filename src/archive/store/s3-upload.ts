import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { toFileError } from './local-file.ts'
import { StoreError, type ObjectStore } from './object-store.ts'
import type { Bucket } from './s3-bucket.ts'
import { createLanes } from './lanes.ts'
import { md5Of, partsOf, readPart, type Part } from './s3-parts.ts'
import { abortUpload, isGone, resumable, type StoredParts } from './s3-unfinished.ts'

/** Name of the metadata entry, as the store says it again when asked for the object. */
export const LABEL = 'sha256'

type Source = {
  key: string
  path: string
  file: FileHandle
  bytes: number
  parts: Part[]
  sha256: string
  onProgress: (doneBytes: number) => void
  signal: AbortSignal
}

const labelled = (bucket: Bucket, { key, sha256 }: Source) => ({
  Bucket: bucket.name,
  Key: bucket.toKey(key),
  Metadata: { [LABEL]: sha256 },
})

/** @throws StoreError before anything becomes visible. */
const checkContent = (source: Source, sha256: string): void => {
  if (sha256 === source.sha256) return
  throw new StoreError('refused', `${source.path} has the SHA-256 ${sha256}; ${source.sha256} was announced`)
}

const putWhole = async (bucket: Bucket, source: Source, part: Part): Promise<void> => {
  const { key, file, signal, bytes, onProgress } = source
  const body = await readPart(file, part)
  checkContent(source, createHash('sha256').update(body).digest('hex'))
  const content = { Body: body, ContentLength: bytes, ContentMD5: md5Of(body, 'base64') }
  const command = new PutObjectCommand({ ...labelled(bucket, source), ...content })
  await bucket.asking(`could not upload ${key}`, () => bucket.client.send(command, { abortSignal: signal }), signal)
  onProgress(bytes)
}

const begin = async (bucket: Bucket, source: Source): Promise<{ id: string; stored: StoredParts }> => {
  const { key, signal } = source
  const found = await resumable(bucket, bucket.toKey(key), source)
  if (found !== undefined) return found
  const command = new CreateMultipartUploadCommand(labelled(bucket, source))
  const what = `could not begin to upload ${key}`
  const { UploadId: id } = await bucket.asking(what, () => bucket.client.send(command, { abortSignal: signal }), signal)
  if (id === undefined) throw new StoreError('unreachable', `${what}: the answer has no upload id`)
  return { id, stored: new Map() }
}

type Upload = Source & { id: string; stored: StoredParts }

/** @throws StoreError `damaged` where other bytes arrived than were sent. */
const putPart = async (bucket: Bucket, upload: Upload, sent: { part: Part; body: Uint8Array; signal: AbortSignal }) => {
  const { key, id, stored } = upload
  const { part, body, signal } = sent
  const command = new UploadPartCommand({
    Bucket: bucket.name,
    Key: bucket.toKey(key),
    UploadId: id,
    PartNumber: part.number,
    Body: body,
    ContentLength: body.length,
    ContentMD5: md5Of(body, 'base64'),
  })
  const what = `could not upload part ${part.number} of ${key}`
  const { ETag } = await bucket.asking(what, () => bucket.client.send(command, { abortSignal: signal }), signal)
  if (ETag === undefined) throw new StoreError('unreachable', `${what}: the answer has no ETag`)
  stored.set(part.number, ETag)
}

/** Reads the file once from its beginning, so that what is uploaded is what was hashed. */
const putParts = async (bucket: Bucket, upload: Upload): Promise<void> => {
  const { parts, file, stored, onProgress } = upload
  const hash = createHash('sha256')
  let doneBytes = parts.reduce((sum, part) => sum + (stored.has(part.number) ? part.length : 0), 0)
  onProgress(doneBytes)
  await using lanes = createLanes(bucket.tuning.partsAtOnce, upload.signal)
  for (const part of parts) {
    await lanes.free()
    const body = await readPart(file, part)
    hash.update(body)
    if (stored.has(part.number)) continue
    lanes.begin(async (signal) => {
      await putPart(bucket, upload, { part, body, signal })
      onProgress((doneBytes += part.length))
    })
  }
  await lanes.done()
  const sha256 = hash.digest('hex')
  if (sha256 !== upload.sha256) await abortUpload(bucket, bucket.toKey(upload.key), upload.id)
  checkContent(upload, sha256)
}

/** An upload that is gone was completed by an attempt whose answer was lost, or by another copy of us: `confirm` tells. */
const complete = async (bucket: Bucket, { key, id, parts, stored, signal }: Upload): Promise<void> => {
  const Parts = parts.map(({ number }) => ({ PartNumber: number, ETag: stored.get(number) }))
  const command = new CompleteMultipartUploadCommand({
    Bucket: bucket.name,
    Key: bucket.toKey(key),
    UploadId: id,
    MultipartUpload: { Parts },
  })
  const what = `could not complete the upload of ${key}`
  try {
    await bucket.asking(what, () => bucket.client.send(command, { abortSignal: signal }), signal)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/**
 * The label was given when the upload began: one that was resumed may carry that of another content which began alike.
 *
 * @throws StoreError `damaged`: the next try begins anew.
 */
const confirm = async ({ key, bytes, sha256 }: Source, head: ObjectStore['head']): Promise<void> => {
  const found = await head(key)
  if (found?.bytes === bytes && (found.sha256 ?? sha256) === sha256) return
  const there = found === undefined ? 'nothing' : `${found.bytes} bytes with the SHA-256 ${found.sha256 ?? 'unknown'}`
  throw new StoreError('damaged', `uploaded ${key} of ${bytes} bytes with the SHA-256 ${sha256}, but found ${there}`)
}

const putFile = async (bucket: Bucket, source: Source): Promise<void> => {
  const [first, second] = source.parts
  if (first !== undefined && second === undefined) return putWhole(bucket, source, first)
  const upload = { ...source, ...(await begin(bucket, source)) }
  await putParts(bucket, upload)
  await complete(bucket, upload)
}

const openFile = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path, 'r')
  } catch (error) {
    throw toFileError(error, `could not read ${path}`)
  }
}

/** What has arrived stays when it fails, for the next try. */
export const createS3Put =
  (bucket: Bucket, head: ObjectStore['head']): ObjectStore['put'] =>
  async (key, path, options) => {
    const { sha256, onProgress = () => undefined, signal = new AbortController().signal } = options
    await using file = await openFile(path)
    const bytes = (await file.stat()).size
    const parts = partsOf(bytes, bucket.tuning.partBytes)
    const source = { key, path, file, bytes, parts, sha256, onProgress, signal }
    await putFile(bucket, source)
    await confirm(source, head)
    return { bytes }
  }
