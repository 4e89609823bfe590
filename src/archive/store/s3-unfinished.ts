import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  type ListMultipartUploadsCommandOutput,
  type ListPartsCommandOutput,
} from '@aws-sdk/client-s3'
import type { FileHandle } from 'node:fs/promises'
import { StoreError } from './object-store.ts'
import type { Bucket } from './s3-bucket.ts'
import { md5Of, readPart, type Part } from './s3-parts.ts'

type Unfinished = { key: string; id: string; sinceTimeMs: number }

const unfinishedOf = (page: ListMultipartUploadsCommandOutput): Unfinished[] =>
  (page.Uploads ?? []).flatMap(({ Key: key, UploadId: id, Initiated: since }) =>
    key === undefined || id === undefined ? [] : [{ key, id, sinceTimeMs: since?.getTime() ?? 0 }],
  )

/** Uploads that were begun and not completed, of all keys with this prefix. MinIO tells of them only by their whole key. */
export async function* unfinishedUploads(
  bucket: Bucket,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<Unfinished> {
  const { client, name: Bucket, asking } = bucket
  let markers: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {}
  while (markers !== undefined) {
    const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({ Bucket, Prefix: prefix, ...markers })
    const page = await asking('could not list uploads', () => client.send(command, { abortSignal: signal }), signal)
    yield* unfinishedOf(page)
    const { NextKeyMarker = '', NextUploadIdMarker = '' } = page
    const isLast = page.IsTruncated !== true || NextKeyMarker === ''
    markers = isLast ? undefined : { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker }
  }
}

/** False where it was completed or given up meanwhile. */
export const abortUpload = async (bucket: Bucket, key: string, id: string): Promise<boolean> => {
  const command = new AbortMultipartUploadCommand({ Bucket: bucket.name, Key: key, UploadId: id })
  try {
    await bucket.asking(`could not give up an upload of ${key}`, () => bucket.client.send(command))
    return true
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

/** The upload was completed or given up, by us or by somebody else. */
export const isGone = (error: unknown): boolean => error instanceof StoreError && error.code === 'NoSuchUpload'

/** ETag of each part that the store has, as it is to be said when completing. */
export type StoredParts = Map<number, string>

type Listed = { number: number; etag: string; bytes: number }

const listedOf = (page: ListPartsCommandOutput): Listed[] =>
  (page.Parts ?? []).flatMap(({ PartNumber: number, ETag: etag, Size: bytes }) =>
    number === undefined || etag === undefined || bytes === undefined ? [] : [{ number, etag, bytes }],
  )

/** Not by the SDK's paginator, which takes a next marker for a next page: versitygw's last page has the marker 0. */
const listParts = async (bucket: Bucket, upload: Unfinished, signal: AbortSignal): Promise<Listed[]> => {
  const { client, name: Bucket } = bucket
  const listed: Listed[] = []
  for (let PartNumberMarker: string | undefined = '0'; PartNumberMarker !== undefined;) {
    const input = { Bucket, Key: upload.key, UploadId: upload.id, PartNumberMarker }
    const page: ListPartsCommandOutput = await client.send(new ListPartsCommand(input), { abortSignal: signal })
    listed.push(...listedOf(page))
    PartNumberMarker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined
  }
  return listed
}

/** Undefined where one of them is of another content, or nothing tells: an encrypting store's ETags are no MD5. */
const matching = async (file: FileHandle, parts: Part[], listed: Listed[]): Promise<StoredParts | undefined> => {
  const stored: StoredParts = new Map()
  for (const { number, etag, bytes } of listed) {
    const part = parts[number - 1]
    if (part?.length !== bytes) return undefined
    if (md5Of(await readPart(file, part), 'hex') !== etag.replaceAll('"', '')) return undefined
    stored.set(number, etag)
  }
  return stored.size === 0 ? undefined : stored
}

type Source = { file: FileHandle; parts: Part[] }

const partsOrNone = async (bucket: Bucket, upload: Unfinished, signal: AbortSignal): Promise<Listed[]> => {
  try {
    const what = `could not list the parts of ${upload.key}`
    return await bucket.asking(what, () => listParts(bucket, upload, signal), signal)
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}

/**
 * An earlier upload of this key whose parts are all parts of this file. Other uploads of the key are given up: they are
 * of another content, or hold nothing.
 */
export const resumable = async (
  bucket: Bucket,
  key: string,
  { file, parts, signal }: Source & { signal: AbortSignal },
): Promise<{ id: string; stored: StoredParts } | undefined> => {
  let found: { id: string; stored: StoredParts } | undefined
  for await (const upload of unfinishedUploads(bucket, key, signal)) {
    if (upload.key !== key) continue
    const listed = found === undefined ? await partsOrNone(bucket, upload, signal) : []
    const stored = await matching(file, parts, listed)
    if (stored === undefined) await abortUpload(bucket, key, upload.id)
    else found = { id: upload.id, stored }
  }
  return found
}
