import type { Redis } from 'ioredis'
import { CATALOGUE_DIGEST_KEY, RESYNC_CHANNEL } from '../domain/keys.ts'
import type { Stats } from '../lib/stats.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'

/** A new connection brings its own snapshots: only a gap that outlives this is asked to be healed from REST. */
const GRACE_MS = 1_000
const FIRST_WAIT_MS = 2_000
const LONGEST_WAIT_MS = 30_000
const PARKED_WAIT_MS = 10_000

type Request = { dueTimeMs: number; waitMs: number }

/** Asks the feeds, by Redis channel, for whole books of markets in a gap: again and again, ever more slowly. */
export const createResync = (redis: Redis, stats: Stats) => {
  const requests = new Map<string, Request>()
  const parkedSince = new Map<string, number>()

  const publish = async (marketIds: string[]): Promise<void> => {
    if (marketIds.length === 0) return
    const pipeline = redis.pipeline()
    for (const marketId of marketIds) pipeline.publish(RESYNC_CHANNEL, marketId)
    await pipeline.exec()
    stats.count('resyncs', marketIds.length)
  }

  const takeDue = (tapes: MarketTape[], nowMs: number): string[] => {
    const due: string[] = []
    for (const tape of tapes) {
      const { market } = tape
      const graceMs = tape.resyncNeed(nowMs) === 'now' ? 0 : GRACE_MS
      const request = requests.get(market.marketId) ?? { dueTimeMs: nowMs + graceMs, waitMs: FIRST_WAIT_MS }
      const isDue = request.dueTimeMs <= nowMs
      if (isDue) due.push(market.marketId)
      const waitMs = Math.min(LONGEST_WAIT_MS, request.waitMs * 2)
      requests.set(market.marketId, isDue ? { dueTimeMs: nowMs + request.waitMs, waitMs } : request)
    }
    return due
  }

  return {
    /** Call several times a second with the tapes that need a whole book. */
    ask: async (tapes: MarketTape[], nowMs: number): Promise<void> => {
      const wanting = new Set(tapes.map((tape) => tape.market.marketId))
      for (const marketId of requests.keys()) if (!wanting.has(marketId)) requests.delete(marketId)
      await publish(takeDue(tapes, nowMs))
    },

    /**
     * Markets whose stream has entries but whose catalogue entry never reached Postgres (a new database, a lost
     * stream): without its digest each is published again by the next refresh, within a minute.
     */
    askForMarkets: async (marketIds: string[], nowMs: number): Promise<void> => {
      for (const known of parkedSince.keys()) if (!marketIds.includes(known)) parkedSince.delete(known)
      const due = marketIds.filter((marketId) => {
        const since = parkedSince.get(marketId) ?? nowMs
        const isDue = nowMs - since >= PARKED_WAIT_MS
        parkedSince.set(marketId, isDue ? nowMs : since)
        return isDue
      })
      if (due.length > 0) await redis.hdel(CATALOGUE_DIGEST_KEY, ...due)
    },
  }
}
