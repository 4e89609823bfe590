import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { StoreError } from './object-store.ts'

/** S3 takes no more parts of an object. */
const MOST_PARTS = 10_000

/** `number` counts from 1. */
export type Part = { number: number; from: number; length: number }

/** Ranges of a file of this size, in order: equal ones and a rest, as R2 demands. */
export const partsOf = (bytes: number, usualBytes: number): Part[] => {
  const partBytes = Math.max(usualBytes, Math.ceil(bytes / MOST_PARTS))
  return Array.from({ length: Math.max(1, Math.ceil(bytes / partBytes)) }, (_, index) => {
    const from = index * partBytes
    return { number: index + 1, from, length: Math.min(partBytes, bytes - from) }
  })
}

/** @throws StoreError where the file has become shorter. */
export const readPart = async (file: FileHandle, { from, length }: Part): Promise<Uint8Array> => {
  const body = new Uint8Array(length)
  for (let at = 0; at < length;) {
    const { bytesRead } = await file.read(body, at, length - at, from + at)
    if (bytesRead === 0) throw new StoreError('refused', `the file ended ${length - at} bytes before its end`)
    at += bytesRead
  }
  return body
}

export const md5Of = (body: Uint8Array, encoding: 'hex' | 'base64'): string =>
  createHash('md5').update(body).digest(encoding)
