import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { isArriving, type Member } from './market.ts'
import type { Pool } from './pool.ts'
import type { Slot } from './slot.ts'

export type OvertakenDeps = {
  members: ReadonlyMap<string, Member>
  pool: Pool
  /** Epoch of the connection that each market's book follows; absent where it has none. @throws when Redis does not answer */
  readFollowed: (marketIds: string[]) => Promise<ReadonlyMap<string, string>>
  log: Logger
  stats: Stats
}

/** A feed that was lost closes its sockets within 8 s, and what is applied may lag as long. */
const OVERTAKEN_MS = 10_000

/**
 * A feed that stood still until another had its markets may open one more socket before it hears of that. Its epoch is the
 * newest then: what comes here is ignored, also when that socket has ended. Takes the markets that are not applied, and
 * since when; those that follow a newer epoch than ours get a socket that is newer still.
 */
export const createOvertaken = ({ members, pool, readFollowed, log, stats }: OvertakenDeps) => {
  const candidates = (unapplied: ReadonlyMap<string, number>): Member[] => {
    const untilMs = Date.now() - OVERTAKEN_MS
    const marketIds = [...unapplied].filter(([, sinceMs]) => sinceMs <= untilMs).map(([marketId]) => marketId)
    const found = marketIds.flatMap((marketId) => members.get(marketId) ?? [])
    return found.filter((member) => member.phase === 'in' && !isArriving(member))
  }
  return async (unapplied: ReadonlyMap<string, number>): Promise<void> => {
    const late = candidates(unapplied)
    if (late.length === 0) return
    const followed = await readFollowed(late.map(({ desired }) => desired.marketId))
    const slots = new Set<Slot>()
    for (const member of late) {
      const { marketId } = member.desired
      const newest = followed.get(marketId) ?? ''
      const slot = pool.slotOf(marketId)
      if (slot === undefined || newest <= member.epoch) continue
      member.epoch = newest
      slots.add(slot)
    }
    for (const slot of slots) {
      log.warn({ epoch: slot.epoch }, 'a connection was replaced: its books follow a newer one that brings nothing')
      stats.count('connectionsReplaced')
      slot.replace([], 'replaced: its books follow a newer connection that brings nothing')
    }
  }
}
