import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { quoteKey } from '../domain/keys.ts'

const TIMEOUT_MS = 20_000
/** Books that come at all come one after the other. */
const NO_MORE_BOOKS_MS = 2_000
const POLL_MS = 250
/** The signals of fewer are no load. */
const MANY_MARKETS = 50

const findLive = async (redis: Redis, marketIds: string[]): Promise<Set<string>> => {
  const pipeline = redis.pipeline()
  for (const marketId of marketIds) pipeline.hget(quoteKey(marketId), 'state')
  const states = (await pipeline.exec()) ?? []
  return new Set(marketIds.filter((_, at) => states[at]?.[1] === 'live'))
}

/**
 * Of many markets those that have become live, again and again; at last the rest, where no more become so. What takes
 * its time with some of them meanwhile finds more the next time.
 */
export async function* asBooksCome(redis: Redis, marketIds: string[]): AsyncGenerator<string[]> {
  const deadlineMs = Date.now() + TIMEOUT_MS
  let waiting = marketIds
  let changedTimeMs = Date.now()
  while (marketIds.length >= MANY_MARKETS && waiting.length > 0) {
    const live = await findLive(redis, waiting)
    const nowMs = Date.now()
    if (live.size > 0) {
      yield [...live]
      waiting = waiting.filter((marketId) => !live.has(marketId))
      changedTimeMs = Date.now()
    } else if (nowMs > deadlineMs || nowMs - changedTimeMs > NO_MORE_BOOKS_MS) break
    else await sleep(POLL_MS)
  }
  yield waiting
}
