import type { Redis } from 'ioredis'
import { DESIRED_CHANNEL, EVERYTHING_KEY, FEED_GROUPS_KEY, FEED_MOVES_KEY, REASSERT_CHANNEL } from '../domain/keys.ts'
import { planMoves } from '../domain/packing.ts'
import { toEverything } from '../domain/switch.ts'
import type { Logger } from '../lib/log.ts'
import { BEGIN_MOVE_SCRIPT } from './move-scripts.ts'

export type RebalanceDeps = {
  redis: Redis
  marketsPerFeed: number
  /** Makes sure that the workflow `feed:<group>:a` runs. */
  ensureFeed: (group: number) => Promise<void>
  log: Logger
}

/** Each move is a subscription, a snapshot and an epoch: work for everyone behind. */
const MOVES_A_ROUND = 50

const groupsOf = (places: Record<string, string>): Map<number, string[]> => {
  const groups = new Map<number, string[]>()
  for (const [marketId, text] of Object.entries(places)) {
    const group = Number(text)
    const marketIds = groups.get(group)
    if (marketIds === undefined) groups.set(group, [marketId])
    else marketIds.push(marketId)
  }
  return groups
}

/**
 * Begins the moves that bring the feed groups to what MARKETS_PER_FEED asks for; the feeds carry them out. None while
 * earlier ones are under way, nor while everything is paused. Returns how many were begun.
 */
export const createRebalance =
  ({ redis, marketsPerFeed, ensureFeed, log }: RebalanceDeps) =>
  async (): Promise<number> => {
    const [moving, everything] = await Promise.all([redis.hlen(FEED_MOVES_KEY), redis.get(EVERYTHING_KEY)])
    if (moving > 0 || toEverything(everything)?.state === 'paused') return 0
    const moves = planMoves(groupsOf(await redis.hgetall(FEED_GROUPS_KEY)), marketsPerFeed).slice(0, MOVES_A_ROUND)
    if (moves.length === 0) return 0
    await Promise.all([...new Set(moves.map(({ to }) => to))].map(ensureFeed))
    let begun = 0
    for (const { marketId, from, to } of moves) {
      const keys = [FEED_GROUPS_KEY, FEED_MOVES_KEY]
      const given = [marketId, from, to, DESIRED_CHANNEL, REASSERT_CHANNEL]
      begun += Number(await redis.eval(BEGIN_MOVE_SCRIPT, 2, ...keys, ...given))
    }
    log.info({ begun, planned: moves.length }, 'markets move to other feed groups')
    return begun
  }
