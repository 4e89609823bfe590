import type { Pool } from 'pg'
import { openCache } from './connections.ts'
import type { Found } from './find-market.ts'
import { readLiveBook } from './live-book.ts'
import type { readPastBook } from './past-book.ts'
import { addressOf, type Places } from './places.ts'
import type { ShownBook } from './shown-book.ts'

/** The archive's clients are loaded where they are needed: a book that is hot does not wait for them. */
const readPast = async (...given: Parameters<typeof readPastBook>): Promise<ShownBook> => {
  const past = await import('./past-book.ts')
  return past.readPastBook(...given)
}

type Live = { type: 'book'; book: ShownBook } | { type: 'none'; why: string }

const readCache = async (found: Found, { redis }: Places): Promise<Live> => {
  const name = `Redis ${addressOf(redis)}`
  try {
    await using cache = await openCache(redis)
    const book = await readLiveBook(cache.client, found, name)
    return book === undefined ? { type: 'none', why: `${name} holds nothing of this market` } : { type: 'book', book }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { type: 'none', why: `${name} (${redis.source}) did not answer: ${reason}` }
  }
}

/** The book now, from the hot cache or else from Postgres (and it says so), or as of an instant. */
export const readBook = async (
  pool: Pool,
  found: Found,
  { places, atTimeMs, maxBytes }: { places: Places; atTimeMs: number | undefined; maxBytes: number },
): Promise<ShownBook> => {
  const { archive } = places
  if (atTimeMs !== undefined) return readPast(pool, found, { archive, atTimeMs, maxBytes, warning: undefined })
  const live = await readCache(found, places)
  if (live.type === 'book') return live.book
  const warning = `last committed book, from Postgres: ${live.why}`
  return readPast(pool, found, { archive, atTimeMs: Date.now(), maxBytes, warning })
}
