import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from '../archive/store/object-store.ts'
import type { PartName } from '../store/archives.ts'
import type { ArchiveDeps } from './archive-deps.ts'
import type { Turn } from './archive-parts.ts'
import { folderOf } from './archive-write.ts'

export type Written = { key: string; bytes: number; sha256: string }

type Reading = Pick<ArchiveDeps, 'store' | 'folder'> & Pick<Turn, 'show'> & { name: PartName }

/**
 * Lends a file with what the store has under the key, read back just now.
 *
 * @returns what `use` does, or in words how the object differs from what was written.
 */
export const withObject = async <T>(
  { store, folder, name, show }: Reading,
  { key, sha256 }: Pick<Written, 'key' | 'sha256'>,
  { use, signal }: { use: (path: string) => Promise<T>; signal: AbortSignal },
): Promise<{ type: 'same'; result: T } | { type: 'differs'; detail: string }> => {
  const own = folderOf(folder, name)
  const path = join(own, 'read-back.parquet')
  await mkdir(own, { recursive: true })
  show({ stage: 'reading back' })
  try {
    const found = await store.get(key, path, { signal })
    if (found.sha256 !== sha256) return { type: 'differs', detail: `SHA-256 of ${key}: ${found.sha256}, not ${sha256}` }
    return { type: 'same', result: await use(path) }
  } catch (error) {
    if (error instanceof StoreError && error.fault === 'missing') return { type: 'differs', detail: `no ${key}` }
    throw error
  } finally {
    await rm(path, { force: true })
  }
}
