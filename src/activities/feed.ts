import { Context } from '@temporalio/activity'
import { every } from '../lib/every.ts'
import { cancellation, isLost } from './lost.ts'
import { lookAtFeeds, noteDelays } from './feed-figures.ts'
import { createShared, openFeedGroup, type FeedDeps, type FeedGroup, type Shared } from './feed-group.ts'

export type { FeedDeps } from './feed-group.ts'

type Owned = { feed: FeedGroup; owner: symbol }

/** Two fit into the timeout. Each costs Temporal about 4 ms of CPU, and there is one of these a hundred markets. */
const HEARTBEAT_EVERY_MS = 1_400
const FIGURES_EVERY_MS = 1_000
/** A new attempt is scheduled within 250 ms to 5 s of a lost one. */
const ORPHAN_LIFE_MS = 8_000

const publishFigures = (deps: FeedDeps, feeds: [name: string, FeedGroup][], shared: Shared): void => {
  const { stats } = deps
  const sums = { marketsSubscribed: 0, tokensWanted: 0, tokensSubscribed: 0, connectionsOpen: 0, groupsPaused: 0 }
  for (const [, feed] of feeds) {
    const figures = feed.figures()
    sums.marketsSubscribed += figures.marketsSubscribed
    sums.tokensWanted += figures.tokensWanted
    sums.tokensSubscribed += figures.tokensSubscribed
    sums.connectionsOpen += figures.connectionsOpen
    sums.groupsPaused += figures.groupsPaused
  }
  for (const [name, value] of Object.entries(sums)) stats.set(name, value)
  stats.set('bufferedBytes', shared.budget.usedBytes)
  noteDelays(feeds, shared, deps)
}

/**
 * Owners of websockets. A heartbeat that Redis's absence suppressed makes the server start another attempt; in the same
 * process it takes over the running sockets and their buffer, so that an outage of Redis closes no socket.
 */
export const createFeedActivities = (deps: FeedDeps) => {
  const shared = createShared(deps)
  const running = new Map<string, Owned>()
  const feeds = (): [string, FeedGroup][] => [...running].map(([name, { feed }]) => [name, feed])
  const publish = (): void => publishFigures(deps, feeds(), shared)
  deps.stats.follow(() => lookAtFeeds(feeds(), shared))
  let publishing = new AbortController()
  /** Over all groups at once, while there is one. */
  const startPublishing = (): void => {
    publishing = new AbortController()
    every(FIGURES_EVERY_MS, publish, publishing.signal)
  }
  const own = (name: string, group: number): Owned => {
    const found = running.get(name)
    const owned = { feed: found?.feed ?? openFeedGroup({ ...deps, ...shared, group }), owner: Symbol(name) }
    if (running.size === 0) startPublishing()
    running.set(name, owned)
    return owned
  }
  deps.heartbeats.follow(() => [...running].flatMap(([name, { feed }]) => feed.heartbeats(name)))
  const close = async (name: string, owned: Owned, detail: string): Promise<void> => {
    if (running.get(name) !== owned) return
    running.delete(name)
    if (running.size === 0) publishing.abort()
    await owned.feed.close(detail)
    publish()
  }
  /** Lives for as long as its workflow; returns when that cancels it, throws when it must run elsewhere. */
  const runFeed = async ({ group, replica }: { group: number; replica: string }): Promise<{ group: number }> => {
    const context = Context.current()
    const name = `${group}:${replica}`
    const owned = own(name, group)
    const ended = new AbortController()
    const beat = (): void => {
      if (owned.feed.isHealthy()) context.heartbeat({ group })
    }
    every(HEARTBEAT_EVERY_MS, beat, ended.signal)
    const reason = await cancellation(context)
    ended.abort()
    const isAsked = context.cancellationDetails?.cancelRequested === true
    if (isLost(context)) setTimeout(() => void close(name, owned, 'its activity was lost'), ORPHAN_LIFE_MS).unref()
    else await close(name, owned, isAsked ? 'cancelled' : 'its worker stops')
    if (isAsked) return { group }
    throw reason
  }
  return { runFeed }
}
