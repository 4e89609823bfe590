import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AlertDeliveryActivities } from '../../../src/activities/alert-delivery.ts'
import type { TellingActivities } from '../../../src/activities/alert-telling.ts'
import type { BackfillActivities } from '../../../src/activities/backfill.ts'
import type { CatalogueActivities } from '../../../src/activities/catalogue.ts'
import type { HeartbeatActivities } from '../../../src/activities/heartbeats.ts'
import type { EverythingActivities } from '../../../src/activities/everything.ts'
import type { ImportPmxtActivities } from '../../../src/activities/import-pmxt.ts'
import type { ImportPricesActivities } from '../../../src/activities/import-prices.ts'
import type { InspectionActivities, MarketFigures } from '../../../src/activities/inspection.ts'
import type { NoticeActivities } from '../../../src/activities/notices.ts'
import type { Notice } from '../../../src/store/feed-alert-notices.ts'
import type { OverrideActivities } from '../../../src/activities/override.ts'
import type { PartitionActivities } from '../../../src/activities/partitions.ts'
import type { PolicyActivities } from '../../../src/activities/policy.ts'
import type { ResolutionActivities } from '../../../src/activities/resolutions.ts'
import type { SubscriptionActivities } from '../../../src/activities/subscription.ts'
import { createArchiveStubs, type ArchiveStubs } from './stub-archive.ts'

type ControlActivities = AlertDeliveryActivities &
  BackfillActivities &
  CatalogueActivities &
  HeartbeatActivities &
  EverythingActivities &
  ImportPmxtActivities &
  ImportPricesActivities &
  InspectionActivities &
  NoticeActivities &
  OverrideActivities &
  PartitionActivities &
  PolicyActivities &
  ResolutionActivities &
  SubscriptionActivities &
  TellingActivities

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
  /** While true the feeds hold back what is active. */
  isHolding: boolean
  /** While true the catalogue does not answer. */
  isCatalogueAway: boolean
  /** While true the row of a market is not in Postgres, and a minute has passed. */
  isRowMissing: boolean
  /** While false the stream of a resolved market is not in Postgres. */
  isDrained: boolean
  /** How long applySubscription takes. */
  applyMs: number
  archive: ArchiveStubs
  activities: ControlActivities &
    ArchiveStubs['activities'] & {
      runFeed(input: object): Promise<void>
      runNormalizer(input: object): Promise<void>
      runTrades(): Promise<void>
    }
  runs: { count: number; drained: number; isReturning: boolean }
  /** What the webhook answers; an empty list accepts. */
  webhook: ('unavailable' | 'never')[]
  notices: Notice[]
}

/** As a check finds it. */
export const noticeOf = (alertId: string, state: Notice['state'] = 'raised'): Notice => ({
  alertId,
  state,
  kind: 'market_channel',
  subject: 'connection:0:a:0',
  reason: 'silent',
  detail: 'no data frame',
  raisedAt: '2026-11-26T18:00:00.000Z',
  recoveredAt: null,
  markets: 2,
  lastStep: 'resync',
})

/** Market 404 is unknown; any other exists. */
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
  const archive = createArchiveStubs(note)
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
  const answer = (): void => {
    const given = stubs.webhook.shift()
    if (given === 'unavailable') throw ApplicationFailure.retryable('503', 'Unavailable')
    if (given === 'never') throw ApplicationFailure.nonRetryable('503 for a day', 'Unavailable')
  }
  const stubs: Stubs = {
    calls: [],
    named: (activity, marketId) =>
      stubs.calls.filter((call) => call.activity === activity && call.input['marketId'] === marketId),
    isConfirming: true,
    isHolding: false,
    isCatalogueAway: false,
    isRowMissing: false,
    isDrained: true,
    applyMs: 0,
    runs: { count: 0, drained: 0, isReturning: false },
    webhook: [],
    notices: [],
    archive,
    activities: {
      ...archive.activities,
      loadMarket: async (input) => {
        note('loadMarket', input)
        const { marketId } = input
        if (stubs.isCatalogueAway) throw ApplicationFailure.retryable('Gamma answered 503', 'Unavailable')
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
        return { confirmedTimeMs: Date.now(), isHeld: stubs.isHolding && input.state === 'active' }
      },
      recordOverride: async (input) => {
        note('recordOverride', input)
        if (stubs.isRowMissing) throw ApplicationFailure.nonRetryable('it is not in table markets', 'NoSuchRow')
      },
      forgetSubscription: async (input) => note('forgetSubscription', input),
      inspectMarket: async (input) => {
        note('inspectMarket', input)
        return FIGURES
      },
      refreshMarkets: async () => {
        const pages = { pages: 1, promised: 2, seen: 2, repeated: 0, short: 0, isCut: false }
        return { ...pages, changed: 1, rejected: 0, gone: 0, closed: 0, missed: 0 }
      },
      pollResolutions: async () => ({ asked: 3, closed: [], resolved: 0 }),
      awaitDrained: async (input) => {
        note('awaitDrained', input)
        while (!stubs.isDrained) await sleep(20)
        return END
      },
      followPolicy: async () => {
        const count = { wanted: 1, started: 1, ended: 0, left: 0, kept: 0 }
        return { ...count, unmatched: [], isCut: false, problem: undefined }
      },
      followChanges: async (input) => {
        note('followChanges', input)
        const asked = stubs.calls.filter(({ activity }) => activity === 'followChanges').length
        const unknown = asked < 3 ? input.markets.filter((marketId) => marketId === '404') : []
        const refreshed = input.markets.length - unknown.length
        return { refreshed, wanted: refreshed, started: refreshed, unknown }
      },
      ensurePartitions: async ({ daysAhead }) => Array.from({ length: daysAhead }, (_, day) => `order_books_${day}`),
      expireRows: async () => ({ dead_letters: 3 }),
      compareHeartbeats: async () => ({ open: 1, notices: stubs.notices, isTelling: stubs.notices.length > 0 }),
      tellMarkets: async () => ({ told: 2 }),
      announceNotice: async (notice) => {
        note('announceNotice', notice)
        return { isDone: notice.kind === 'redis' }
      },
      deliverNotice: async (notice) => {
        note('deliverNotice', notice)
        answer()
      },
      postAlert: async (input) => {
        note('postAlert', input)
        answer()
      },
      giveUpAlert: async (input) => note('giveUpAlert', input),
      giveUpNotice: async (notice) => note('giveUpNotice', notice),
      turnEverything: async ({ state }) => ({ state, generation: 1_795_000_000_000, turnedTimeMs: 1_795_000_000_000 }),
      confirmEverything: async ({ state }) => {
        if (!stubs.isConfirming) throw ApplicationFailure.nonRetryable('2 feed groups have not', 'Unconfirmed')
        return { state, feeds: 2, markets: 200, tokens: 400, effectiveMs: 80 }
      },
      stagePmxt: async (input) => {
        note('stagePmxt', input)
        if (input.origin.includes('nowhere'))
          throw ApplicationFailure.nonRetryable('expected a Parquet file', 'Refused')
        const span = { fromTimeMs: 1_795_010_400_000, toTimeMs: 1_795_014_000_000 }
        return { version: 'v2', rows: 24_000_000, staged: 300_000, markets: 3, ...span }
      },
      importPmxtSlice: async (input) => {
        note('importPmxtSlice', input)
        const done = { markets: 2, read: 200_000, refused: 1, written: 150_000 }
        return input.after === '' ? { ...done, after: '7' } : { ...done, markets: 1, read: 100_000, written: 190_000 }
      },
      forgetPmxt: async (input) => note('forgetPmxt', input),
      findPrices: async () => ({ beginsTimeMs: 1_795_000_000_000 }),
      importPricesSlice: async (input) => {
        note('importPricesSlice', input)
        const done = { read: 40_000, refused: 0, written: 30_000 }
        return input.fromTimeMs === 1_795_000_000_000 ? { ...done, at: 1_795_010_000_000 } : { ...done, read: 7 }
      },
      runFeed: runForever,
      runNormalizer: runForever,
      runTrades: () => runForever({}),
      backfillSlice: async (input) => {
        note('backfillSlice', input)
        const at = { place: { type: 'v2', cursor: 'older' } as const, carry: {}, pages: 10, isAnew: false }
        const done = { pages: 10, fills: 5_000, isCut: false, reachedTimeMs: 1_795_000_000_000 }
        return input.at === undefined ? { ...done, at } : { ...done, pages: 3, fills: 1_234 }
      },
    },
  }
  return stubs
}
