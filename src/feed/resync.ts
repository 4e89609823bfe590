import type { Member } from './market.ts'
import type { RestQueue } from './rest-queue.ts'

export type Resync = {
  /** Asks for fresh books of a market; repeated asking before they come counts once. */
  want(marketId: string): void
  tick(): void
}

const MIN_INTERVAL_MS = 1_000
/** Whoever still needs the books after that asks again. */
const MAX_ATTEMPTS = 5

/** Coalesced by market and limited in rate: a book that never proves itself must not use up the venue's quota. */
export const createResync = ({ members, rest }: { members: Map<string, Member>; rest: RestQueue }): Resync => {
  const attempts = new Map<string, number>()
  const fetch = async (due: { member: Member; attempt: number }[]): Promise<void> => {
    const missing = new Set(await rest.request(due.flatMap(({ member }) => member.tokens)))
    for (const { member, attempt } of due) {
      const isDone = attempt >= MAX_ATTEMPTS || member.tokens.every((token) => !missing.has(token))
      // Asked again meanwhile: the answer may be older than that.
      if (isDone && attempts.get(member.desired.marketId) === attempt) attempts.delete(member.desired.marketId)
    }
  }
  return {
    want: (marketId) => {
      if (members.has(marketId)) attempts.set(marketId, 0)
    },
    tick: () => {
      const nowMs = Date.now()
      const due: { member: Member; attempt: number }[] = []
      for (const [marketId, attempt] of attempts) {
        const member = members.get(marketId)
        if (member === undefined || member.desired.state !== 'active') attempts.delete(marketId)
        else if (member.phase === 'in' && nowMs - member.resyncedTimeMs >= MIN_INTERVAL_MS * 2 ** attempt) {
          member.resyncedTimeMs = nowMs
          attempts.set(marketId, attempt + 1)
          due.push({ member, attempt: attempt + 1 })
        }
      }
      if (due.length > 0) void fetch(due)
    },
  }
}
