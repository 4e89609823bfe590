import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createStats } from '../../src/lib/stats.ts'
import { Suspects, type WatchedFeed, type WatchedToken } from '../../src/feed/suspects.ts'

const START_MS = 1_000_000_000_000

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS })
})
afterEach(() => {
  vi.useRealTimers()
})

/** One market `m` of one token, of which REST has a book of `restTimeMs`. */
const openStage = () => {
  const state = { seenTimeMs: START_MS as number | undefined, appliedTimeMs: START_MS, restTimeMs: START_MS }
  const feed: WatchedFeed = { watchedTokens: () => [], seenTimeMs: () => state.seenTimeMs, stalled: () => undefined }
  const watched: WatchedToken = { feed, marketId: 'm', token: 't', index: 0 }
  const suspects = new Suspects(createStats())
  /** As liveness does for `forMs`: a look every second, and a decision where one is due. */
  const watch = (forMs: number): void => {
    for (let at = 0; at < forMs; at += 1_000) {
      const applied = new Map([['m', `${state.appliedTimeMs}:h${state.appliedTimeMs}`]])
      suspects.look(watched, { timeMs: state.restTimeMs, hash: `h${state.restTimeMs}` }, applied)
      suspects.decide(suspects.due(), applied)
      vi.advanceTimersByTime(1_000)
    }
  }
  return { state, watch, suspects, behind: () => suspects.behind(feed), feed }
}

describe('a market', () => {
  test('that is quiet, or current, owes nothing', () => {
    const { watch, behind } = openStage()
    watch(600_000)
    expect(behind()).toEqual({ unseen: new Map(), unapplied: new Map() })
  })

  test('of which REST has what never came is behind since REST showed it, until it comes', () => {
    const { state, watch, behind } = openStage()
    state.restTimeMs = START_MS + 1
    watch(60_000)
    state.restTimeMs = START_MS + 50_000
    watch(60_000)
    expect(behind()).toEqual({ unseen: new Map([['m', START_MS]]), unapplied: new Map() })
    state.seenTimeMs = state.appliedTimeMs = state.restTimeMs
    watch(1_000)
    expect(behind().unseen.size).toBe(0)
  })

  test('of which nothing is applied that came is behind by the normalizer, without a break, until it is applied', () => {
    const { state, watch, behind } = openStage()
    state.restTimeMs = state.seenTimeMs = START_MS + 1
    watch(7_000)
    for (let round = 0; round < 10; round++) {
      state.restTimeMs = state.seenTimeMs = START_MS + 10_000 * (round + 1)
      watch(10_000)
      expect(behind()).toEqual({ unseen: new Map(), unapplied: new Map([['m', START_MS]]) })
    }
    state.appliedTimeMs = state.restTimeMs
    watch(1_000)
    expect(behind().unapplied.size).toBe(0)
  })

  test('that is not subscribed any more owes nothing', () => {
    const { state, watch, behind } = openStage()
    state.restTimeMs = state.seenTimeMs = START_MS + 1
    watch(20_000)
    expect(behind().unapplied.size).toBe(1)
    state.seenTimeMs = undefined
    expect(behind()).toEqual({ unseen: new Map(), unapplied: new Map() })
  })
})
