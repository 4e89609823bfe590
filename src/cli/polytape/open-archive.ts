import { resolve } from 'node:path'
import type { Manifest } from '../../archive/manifest.ts'
import { openObjectCache, type ObjectCache } from '../../archive/object-cache.ts'
import { openObjectStore } from '../../archive/store/open.ts'
import { parseStoreUrl } from '../../archive/store/store-url.ts'
import type { ArchivePlace } from './places.ts'

export type Archive = AsyncDisposable & {
  openObject: (part: Manifest) => Promise<string>
  /** Where the opened ones lie. */
  objectFolders: string[]
}

const folderOf = ({ url, cacheFolder }: ArchivePlace): string => {
  const place = parseStoreUrl(url)
  return place.type === 'file' ? place.folder : resolve(cacheFolder)
}

/** The objects of the archive as files of this machine, verified; nothing is opened or asked before the first. */
export const openArchive = (place: ArchivePlace): Archive => {
  const { url, cacheFolder, cacheBytes } = place
  const store = openObjectStore(url)
  let cache: ObjectCache | undefined
  return {
    objectFolders: [folderOf(place)],
    openObject: async ({ key, sha256 }) => {
      cache ??= await openObjectCache({ store, folder: cacheFolder, maxBytes: cacheBytes })
      return cache.open(key, sha256)
    },
    [Symbol.asyncDispose]: async () => {
      await cache?.[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}
