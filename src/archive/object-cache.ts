/**
 * Objects of the archive on this disk, shared by all processes that use the folder, least recently used out first.
 * What is open counts as used until it is released, or the cache is disposed of.
 */
export type ObjectCache = AsyncDisposable & {
  /** Path of a local file with the object's content, whose SHA-256 is the given one. */
  open: (key: string, sha256: string, options?: { signal?: AbortSignal }) => Promise<string>
  /** The file of an earlier `open` is read no longer. */
  release: (path: string) => Promise<void>
}
