import type { ClockSkew } from '../feed/clock-skew.ts'
import type { FeedDeps, FeedGroup, Shared } from './feed-group.ts'

/** With a websocket a market there are thousands of groups: those that are silent longest are told. */
const MOST_GROUPS = 100

const agesOf = (groups: [name: string, FeedGroup][], nowMs: number): [string, number][] => {
  const ages = groups.flatMap(([name, feed]): [string, number][] => {
    const newestTimeMs = feed.newestTimeMs()
    return newestTimeMs === undefined ? [] : [[`feedAgeMs:${name}`, Math.max(0, nowMs - newestTimeMs)]]
  })
  return ages.toSorted(([, left], [, right]) => right - left).slice(0, MOST_GROUPS)
}

const skewOf = (groups: [string, FeedGroup][], skew: ClockSkew): [string, number][] => {
  const roundTripMs = Math.min(...groups.map(([, feed]) => feed.roundTripMs()))
  const estimateMs = Number.isFinite(roundTripMs) ? skew.estimateMs(roundTripMs) : undefined
  return estimateMs === undefined ? [] : [['clockSkewMs', estimateMs]]
}

const SECOND_MS = 1_000

/** Notes the delays of the last second. A replay's venue times are of another day. */
export const noteDelays = (groups: [name: string, FeedGroup][], { skew }: Shared, { config }: FeedDeps): void => {
  if (config.POLYTAPE_VENUE === 'replay') return
  const nowMs = Date.now()
  const leastMs = Math.min(...groups.map(([, feed]) => feed.leastDelayMs(nowMs - SECOND_MS)))
  if (Number.isFinite(leastMs)) skew.note(leastMs, nowMs)
}

/** What is only to be had by looking: ages of groups, the venue's clock, and what waits for Redis. */
export const lookAtFeeds = (groups: [name: string, FeedGroup][], { budget, skew }: Shared): [string, number][] => [
  ...agesOf(groups, Date.now()),
  ...skewOf(groups, skew),
  ['queueBytes:feed', budget.usedBytes],
]
