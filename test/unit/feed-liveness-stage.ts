import { createLiveness } from '../../src/feed/liveness.ts'
import type { Stalled, WatchedFeed, WatchedToken } from '../../src/feed/suspects.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'

type State = { timeMs: number; hash: string }
export type Call = { timeMs: number; tokens: string[] }

export const START_MS = 1_000_000_000_000

/** A feed, a REST and a normalizer; every token stands at the same venue time until a test says otherwise. */
export const openStage = (tokenCount: number, timeMs = START_MS) => {
  const names = Array.from({ length: tokenCount }, (_, at) => String(at))
  const state = (): Map<string, State> => new Map(names.map((token) => [token, { timeMs, hash: 'h1' }]))
  const [rest, applied] = [state(), state()]
  const seen = new Map(names.map((token) => [token, timeMs]))
  const calls: Call[] = []
  const stalled: (Stalled & { atMs: number })[] = []
  const faults = { failures: 0, isAppliedAbsent: false }
  const stats = createStats()
  const feed: WatchedFeed = {
    watchedTokens: () =>
      names.map((token, at): WatchedToken => ({ feed, marketId: `m${at >> 1}`, token, index: at % 2 })),
    seenTimeMs: ({ token }) => seen.get(token),
    stalled: (found) => stalled.push(...found.map((one) => ({ ...one, atMs: Date.now() }))),
  }
  const appliedOf = (marketId: string): string =>
    [0, 1]
      .map((index) => applied.get(String(Number(marketId.slice(1)) * 2 + index)))
      .map((one) => (one === undefined ? ':' : `${one.timeMs}:${one.hash}`))
      .join(' ')
  const liveness = createLiveness({
    fetchBooks: async (tokens) => {
      calls.push({ timeMs: Date.now(), tokens })
      if (faults.failures-- > 0) throw new Error('status 500')
      return tokens.map((token) => {
        const { timeMs = 0, hash = '' } = rest.get(token) ?? {}
        const text = JSON.stringify({ market: '0x', asset_id: token, timestamp: String(timeMs), hash })
        return { token, text, receivedTimeMs: Date.now() }
      })
    },
    readApplied: async (marketIds) =>
      new Map(faults.isAppliedAbsent ? [] : marketIds.map((marketId) => [marketId, appliedOf(marketId)])),
    periodMs: 5_000,
    log: createLog('feed', 'silent'),
    stats,
  })
  const unwatch = liveness.watch(feed)
  const moveAll = (): void => {
    const hash = String(Date.now())
    for (const token of names) {
      rest.set(token, { timeMs: Date.now(), hash })
      seen.set(token, Date.now())
      applied.set(token, { timeMs: Date.now(), hash })
    }
  }
  return { rest, applied, seen, calls, stalled, faults, stats, moveAll, unwatch }
}
