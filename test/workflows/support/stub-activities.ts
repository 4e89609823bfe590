import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CatalogueActivities } from '../../../src/activities/catalogue.ts'
import type { InspectionActivities, MarketFigures } from '../../../src/activities/inspection.ts'
import type { OverrideActivities } from '../../../src/activities/override.ts'
import type { PartitionActivities } from '../../../src/activities/partitions.ts'
import type { PolicyActivities } from '../../../src/activities/policy.ts'
import type { ResolutionActivities } from '../../../src/activities/resolutions.ts'
import type { SubscriptionActivities } from '../../../src/activities/subscription.ts'

type ControlActivities = CatalogueActivities &
  InspectionActivities &
  OverrideActivities &
  PartitionActivities &
  PolicyActivities &
  ResolutionActivities &
  SubscriptionActivities

const FIGURES: MarketFigures = {
  quote: { state: 'live' },
  subscription: { state: 'active', generation: 1, confirmedTimeMs: 1 },
  stream: { receivedAt: null, ageMs: null, feedEpoch: 'e', outcomes: [], waitingEntries: 7 },
  gapsToday: { count: 0, seconds: 0, open: [] },
  latency: { unavailable: 'Postgres did not answer within 2500 ms' },
}

type Call = { activity: string; input: Record<string, unknown> }

/** What the control worker would say of a market without a depth. */
export const DEFAULT_DEPTH = 7

export type Stubs = {
  calls: Call[]
  named(activity: string, marketId: string): Call[]
  /** While false nothing is confirmed. */
  isConfirming: boolean
  /** While false the stream of a resolved market is not in Postgres. */
  isDrained: boolean
  /** How long applySubscription takes. */
  applyMs: number
  activities: ControlActivities & { runFeed(input: object): Promise<void>; runNormalizer(input: object): Promise<void> }
  runs: { count: number; drained: number; isReturning: boolean }
}

const END = { resolvedAt: '2026-11-26T18:00:00.000Z', payouts: ['0.5', '0.5'] }

const cardOf = (marketId: string) => ({
  marketId,
  conditionId: '0x01',
  slug: `slug-${marketId}`,
  question: `Question ${marketId}?`,
  tokens: [`${marketId}1`, `${marketId}2`],
})

/** Market 404 is unknown, 410 has resolved; any other exists. */
export const createStubs = (): Stubs => {
  const note = (activity: string, input: object): void => void stubs.calls.push({ activity, input: { ...input } })
  const runForever = async (input: object): Promise<void> => {
    note('run', input)
    stubs.runs.count++
    const signal = cancellationSignal()
    while (!signal.aborted && !stubs.runs.isReturning) {
      heartbeat()
      await sleep(20)
    }
    stubs.runs.isReturning = false
    if (signal.aborted) stubs.runs.drained++
  }
  const stubs: Stubs = {
    calls: [],
    named: (activity, marketId) =>
      stubs.calls.filter((call) => call.activity === activity && call.input['marketId'] === marketId),
    isConfirming: true,
    isDrained: true,
    applyMs: 0,
    runs: { count: 0, drained: 0, isReturning: false },
    activities: {
      loadMarket: async (input) => {
        note('loadMarket', input)
        const { marketId } = input
        if (marketId === '410') return { ...cardOf(marketId), end: END }
        if (marketId === '404') throw ApplicationFailure.nonRetryable(`market ${marketId} is unknown`, 'UnknownMarket')
        return cardOf(marketId)
      },
      applySubscription: async (input) => {
        note('applySubscription', input)
        await sleep(stubs.applyMs)
        return { group: 3, depth: input.depth ?? DEFAULT_DEPTH, observed: undefined }
      },
      confirmSubscription: async (input) => {
        note('confirmSubscription', input)
        if (!stubs.isConfirming) throw ApplicationFailure.retryable('not confirmed', 'Unconfirmed')
        return { confirmedTimeMs: Date.now() }
      },
      recordOverride: async (input) => note('recordOverride', input),
      forgetSubscription: async (input) => note('forgetSubscription', input),
      inspectMarket: async (input) => {
        note('inspectMarket', input)
        return FIGURES
      },
      refreshMarkets: async () => ({ pages: 1, seen: 2, changed: 1, rejected: 0 }),
      pollResolutions: async () => ({ asked: 3, closed: [], resolved: 0 }),
      awaitDrained: async (input) => {
        note('awaitDrained', input)
        while (!stubs.isDrained) await sleep(20)
        return END
      },
      followPolicy: async () => ({ wanted: 1, started: 1, ended: 0, left: 0 }),
      ensurePartitions: async ({ daysAhead }) => Array.from({ length: daysAhead }, (_, day) => `order_books_${day}`),
      runFeed: runForever,
      runNormalizer: runForever,
    },
  }
  return stubs
}
