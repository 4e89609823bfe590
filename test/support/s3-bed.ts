import { openObjectStore } from '../../src/archive/store/open.ts'
import { openFileFolder, type FileFolder } from './object-files.ts'
import { openS3Faults, type S3Faults } from './s3-faults.ts'
import type { TestS3 } from './s3.ts'

/** The least that S3 takes. */
export const PART_BYTES = 5 * 1024 * 1024

export type S3Bed = AsyncDisposable & {
  folder: FileFolder
  faults: S3Faults
  open: (tuning?: { idleTimeoutMs?: number; attempts?: number }) => ReturnType<typeof openObjectStore>
}

let nextPrefix = 0

/** A prefix of its own, by way of the proxy. Parts one after the other, so that it is known which ones arrived. */
export const openS3Bed = async (s3: TestS3): Promise<S3Bed> => {
  const folder = openFileFolder()
  const faults = await openS3Faults(s3.port)
  const url = s3.url(`faults-${(nextPrefix += 1)}`, faults.port)
  return {
    folder,
    faults,
    open: (tuning = {}) => openObjectStore(url, { partBytes: PART_BYTES, partsAtOnce: 1, attempts: 2, ...tuning }),
    [Symbol.asyncDispose]: async () => {
      await faults[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}
