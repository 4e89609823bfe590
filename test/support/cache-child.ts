import { openObjectCache } from '../../src/archive/object-cache.ts'
import { openObjectStore } from '../../src/archive/store/open.ts'

/** A process that opens one object by way of the cache, says so and stays: `cache-child.ts <url> <folder> <bytes> <key> <sha256>`. */
const [url = '', folder = '', maxBytes = '', key = '', sha256 = ''] = process.argv.slice(2)
const cache = await openObjectCache({ store: openObjectStore(url), folder, maxBytes: Number(maxBytes) })
const path = await cache.open(key, sha256)
console.log(path)
setInterval(() => undefined, 60_000)
