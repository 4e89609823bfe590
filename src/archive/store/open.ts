import { openFileStore } from './file-store.ts'
import type { OpenObjectStore } from './object-store.ts'
import type { S3Tuning } from './s3-bucket.ts'
import { openS3Store } from './s3-store.ts'
import { parseStoreUrl } from './store-url.ts'

/**
 * Nothing is asked of the store yet. Credentials come from the SDK's chain: AWS_ACCESS_KEY_ID, profiles, roles.
 *
 * @param url `s3://bucket/prefix?endpoint=…&region=…&style=path|host` or `file:///folder`
 * @throws Error where the address is none of these.
 */
export const openObjectStore = (url: string, tuning?: Partial<S3Tuning>): OpenObjectStore => {
  const place = parseStoreUrl(url)
  switch (place.type) {
    case 'file':
      return openFileStore(place.folder)
    case 's3':
      return openS3Store(place, tuning)
  }
}
