type PutOptions = {
  /** Of the file, lower-case hex: what was read is compared with it before the object becomes visible. */
  sha256: string
  /** Bytes that are stored so far, those of an earlier try included; never falls. */
  onProgress?: (doneBytes: number) => void
  signal?: AbortSignal
}

/**
 * Where the archive lies. Keys are relative to it: segments with `/` between them, as `table=…/date=…/part-0.parquet`.
 * Everything throws `StoreError` but an abort, which throws the signal's reason.
 */
export type ObjectStore = {
  /** Where it is, without secrets: for messages and manifests. */
  url: string
  /**
   * Uploads a local file, resuming what an earlier try of the same key and the same content uploaded. Atomic: a reader
   * sees all of it or nothing. An object that is there already is replaced, so that a damaged one can be mended.
   */
  put: (key: string, path: string, options: PutOptions) => Promise<{ bytes: number }>
  /**
   * The whole object into a local file, which appears by an atomic rename.
   *
   * @returns the SHA-256 of what came: whoever knows what it must be compares.
   */
  get: (key: string, path: string, options?: { signal?: AbortSignal }) => Promise<{ bytes: number; sha256: string }>
  /** Part of an object: so many bytes, or it throws. */
  read: (key: string, from: number, length: number) => Promise<Uint8Array>
  /** Undefined where there is no such object. `sha256` is what `put` was told, where the store keeps such labels. */
  head: (key: string) => Promise<{ bytes: number; sha256: string | undefined } | undefined>
  /** Whole objects whose key begins with the prefix, in no order. */
  list: (prefix: string) => AsyncIterable<{ key: string; bytes: number }>
  /** Nothing happens where there is no such object. */
  remove: (key: string) => Promise<void>
  /** Gives up uploads of earlier runs that nobody will resume. Returns how many. */
  abortStale: (prefix: string, olderThanMs: number) => Promise<number>
  /** Path of an object in a folder of this machine; absent where objects are elsewhere. */
  localPath?: (key: string) => string
}

export type OpenObjectStore = ObjectStore & AsyncDisposable

/**
 * `missing`: no such object. `unreachable`: no answer, too late, or the store says that it has trouble. `full`: no room
 * on a disk. `damaged`: other bytes came than were sent or expected. `denied`: the credentials or rights do not do.
 * `refused`: whatever else a further try will not change.
 */
export type StoreFault = 'missing' | 'unreachable' | 'full' | 'damaged' | 'denied' | 'refused'

const RETRYABLE: ReadonlySet<StoreFault> = new Set(['unreachable', 'full', 'damaged'])

export class StoreError extends Error {
  readonly fault: StoreFault
  /** The same call may succeed later, without anybody changing what was asked. */
  readonly retryable: boolean
  /** As S3 or the file system calls it. Not its error itself: the SDK's holds the request with its signature. */
  readonly code: string | undefined
  constructor(fault: StoreFault, message: string, code?: string) {
    super(message)
    this.name = 'StoreError'
    this.fault = fault
    this.code = code
    this.retryable = RETRYABLE.has(fault)
  }
}
