import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { isArriving, type Member } from './market.ts'
import type { Pool } from './pool.ts'
import type { Slot } from './slot.ts'

export type OvertakenDeps = {
  members: ReadonlyMap<string, Member>
  pool: Pool
  /** Epoch of the connection that each market's book follows; `''` where it has none. @throws when Redis does not answer */
  readFollowed: (marketIds: string[]) => Promise<ReadonlyMap<string, string>>
  log: Logger
  stats: Stats
}

/** A feed that hears that it is lost closes its sockets 8 s later, and what is applied may lag as long. */
const OVERTAKEN_MS = 10_000
/** Who needs books of a market asks at least every 30 s. */
const ASKED_AGAIN_MS = 40_000
/** Two feeds that both believe that a market is theirs outbid each other: ever more seldom. */
const FIRST_WAIT_MS = 15_000
const LONGEST_WAIT_MS = 600_000

type Asked = { firstMs: number; lastMs: number }

/**
 * A feed that stood still until another had its markets may open one more socket before it hears of that. Its epoch is the
 * newest then: what comes here is ignored, also when that socket has ended. Markets whose frames are not applied, or whose
 * books are asked for again and again, and that follow a newer epoch than ours, get a socket that is newer still.
 */
export class Overtaken {
  readonly #deps: OvertakenDeps
  readonly #asked = new Map<string, Asked>()
  readonly #askedLong = new Set<string>()
  #waitMs = FIRST_WAIT_MS
  #renewedTimeMs = 0

  constructor(deps: OvertakenDeps) {
    this.#deps = deps
  }

  /** Books of the market are wanted: those that were sent did not serve, or did not arrive. */
  noteAsked(marketId: string): void {
    const nowMs = Date.now()
    const known = this.#asked.get(marketId)
    const firstMs = known === undefined || nowMs - known.lastMs > ASKED_AGAIN_MS ? nowMs : known.firstMs
    this.#asked.set(marketId, { firstMs, lastMs: nowMs })
    if (nowMs - firstMs >= OVERTAKEN_MS) this.#askedLong.add(marketId)
  }

  /** Takes the markets that are not applied, and since when. @throws when Redis does not answer */
  async look(unapplied: ReadonlyMap<string, number>): Promise<void> {
    const nowMs = Date.now()
    if (nowMs - this.#renewedTimeMs < this.#waitMs) return
    const late = this.#candidates(unapplied, nowMs)
    if (late.length === 0) return
    const { readFollowed, pool } = this.#deps
    const followed = await readFollowed(late.map(({ desired }) => desired.marketId))
    const slots = new Set<Slot>()
    for (const member of late) {
      const followedEpoch = followed.get(member.desired.marketId) ?? ''
      const slot = pool.slotOf(member.desired.marketId)
      if (slot === undefined || member.phase !== 'in' || followedEpoch <= member.epoch) continue
      // The socket that is opened next gets an epoch behind this one.
      member.epoch = followedEpoch
      slots.add(slot)
    }
    if (slots.size > 0) this.#renew(slots)
  }

  #candidates(unapplied: ReadonlyMap<string, number>, nowMs: number): Member[] {
    for (const [marketId, { lastMs }] of this.#asked) {
      if (nowMs - lastMs > ASKED_AGAIN_MS) this.#asked.delete(marketId)
    }
    const lagging = [...unapplied].filter(([, sinceMs]) => nowMs - sinceMs >= OVERTAKEN_MS)
    const marketIds = new Set([...lagging.map(([marketId]) => marketId), ...this.#askedLong])
    this.#askedLong.clear()
    const found = [...marketIds].flatMap((marketId) => this.#deps.members.get(marketId) ?? [])
    return found.filter((member) => member.phase === 'in' && !isArriving(member))
  }

  #renew(slots: ReadonlySet<Slot>): void {
    const { log, stats } = this.#deps
    const nowMs = Date.now()
    const isAgain = nowMs - this.#renewedTimeMs < 2 * LONGEST_WAIT_MS
    this.#waitMs = isAgain ? Math.min(LONGEST_WAIT_MS, this.#waitMs * 2) : FIRST_WAIT_MS
    this.#renewedTimeMs = nowMs
    for (const slot of slots) {
      log.warn({ epoch: slot.epoch }, 'a connection was replaced: its books follow a newer one that brings nothing')
      stats.count('connectionsReplaced')
      slot.replace([], 'replaced: its books follow a newer connection that brings nothing')
    }
  }
}
