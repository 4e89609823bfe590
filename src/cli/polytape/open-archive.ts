import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Manifest } from '../../archive/manifest.ts'
import { openObjectStore } from '../../archive/store/open.ts'
import type { ArchivePlace } from './places.ts'

export type Archive = AsyncDisposable & { openObject: (part: Manifest) => Promise<string> }

/** The objects of the archive as files of this machine; nothing is asked of it before the first. */
export const openArchive = ({ url }: ArchivePlace): Archive => {
  const store = openObjectStore(url)
  let folder: string | undefined
  return {
    openObject: async ({ key, sha256 }) => {
      if (store.localPath !== undefined) return store.localPath(key)
      folder ??= await mkdtemp(join(tmpdir(), 'polytape-objects-'))
      const path = join(folder, sha256)
      await store.get(key, path)
      return path
    },
    [Symbol.asyncDispose]: async () => {
      if (folder !== undefined) await rm(folder, { recursive: true })
      await store[Symbol.asyncDispose]()
    },
  }
}
