import type { Member } from './market.ts'
import type { RestQueue } from './rest-queue.ts'

export type Resync = {
  /** Asks for fresh books of a market; repeated asking before they come counts once. */
  want(marketId: string): void
  tick(): void
}

type ResyncDeps = { members: ReadonlyMap<string, Member>; rest: Pick<RestQueue, 'request'> }
type Want = { askedTimeMs: number; attempts: number; dueTimeMs: number; isInFlight: boolean }

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 10_000
/** Whoever still needs the books asks again: the normalizer at least every 30 s. */
const LEASE_MS = 60_000

const isDue = ({ phase, resyncedTimeMs }: Member, want: Want, nowMs: number): boolean =>
  phase === 'in' && !want.isInFlight && nowMs >= Math.max(want.dueTimeMs, resyncedTimeMs + FIRST_WAIT_MS)

/**
 * Coalesced by market and limited in rate. What was asked is tried until it came, however long REST is away: the
 * waits grow to 10 s and all markets of a feed share a call, so that it cannot use up the venue's quota.
 */
export const createResync = ({ members, rest }: ResyncDeps): Resync => {
  const wants = new Map<string, Want>()
  const takeDue = (nowMs: number): Member[] => {
    const due: Member[] = []
    for (const [marketId, want] of wants) {
      const member = members.get(marketId)
      if (member === undefined || member.desired.state !== 'active' || nowMs - want.askedTimeMs > LEASE_MS) {
        wants.delete(marketId)
      } else if (isDue(member, want, nowMs)) {
        member.resyncedTimeMs = nowMs
        want.isInFlight = true
        want.dueTimeMs = nowMs + Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** want.attempts)
        want.attempts += 1
        due.push(member)
      }
    }
    return due
  }
  /** An answer serves what was asked before it was fetched, not what was asked meanwhile. */
  const fetch = async (due: Member[], nowMs: number): Promise<void> => {
    const missing = await rest.request(due.flatMap(({ tokens }) => tokens))
    for (const { desired, tokens } of due) {
      const want = wants.get(desired.marketId)
      if (want === undefined) continue
      want.isInFlight = false
      const isServed = want.askedTimeMs <= nowMs && tokens.every((token) => !missing.tokens.has(token))
      if (isServed) wants.delete(desired.marketId)
    }
  }
  return {
    want: (marketId) => {
      if (!members.has(marketId)) return
      const known = wants.get(marketId)
      if (known !== undefined) known.askedTimeMs = Date.now()
      else wants.set(marketId, { askedTimeMs: Date.now(), attempts: 0, dueTimeMs: 0, isInFlight: false })
    },
    tick: () => {
      const nowMs = Date.now()
      const due = takeDue(nowMs)
      if (due.length > 0) void fetch(due, nowMs)
    },
  }
}
