import { COLD_BYTES_A_ROW } from './bytes.ts'
import type { Prices } from './prices.ts'
import { mapUsage, type Span, type Usage, type UsageName } from './usage.ts'

/** Temporal's actions, by what they are. */
const ACTIONS: [kind: string, name: UsageName][] = [
  ['workflow', 'workflowActions'],
  ['activity', 'activityActions'],
  ['signal', 'signalActions'],
  ['timer', 'timerActions'],
  ['schedule', 'scheduleActions'],
  ['heartbeat', 'heartbeatActions'],
  ['other', 'otherActions'],
]

/** What is told of each 1,000 frames. */
const RATIOS: [ratio: string, name: UsageName][] = [
  ['redis_commands', 'redisCommands'],
  ['redis_round_trips', 'redisRoundTrips'],
  ['redis_inner_commands', 'redisInnerCommands'],
  ['redis_sent_bytes', 'redisSentBytes'],
  ['book_rows', 'bookRows'],
  ['rows', 'rows'],
  ['stored_bytes', 'storedBytes'],
  ['wal_bytes', 'walBytes'],
  ['postgres_sent_bytes', 'postgresSentBytes'],
  ['store_sent_bytes', 'storeSentBytes'],
  ['webhook_sent_bytes', 'webhookSentBytes'],
]

/** `hotDays`: for how long rows stay in Postgres. `redisBytes`: what Redis holds now. */
export type Standing = { hotDays: number; redisBytes: number }

export type Estimate = {
  /** Microdollars a month, if all goes on as in the span: see `priced`. */
  parts: Record<string, number>
  totalMicrodollars: number
  /** Empty where no frame came. */
  perThousandFrames: Record<string, number>
  actionsPerHour: Record<string, number>
  framesPerHour: number
  /** What a month of such recording leaves in Postgres, until it is archived, and in the archive. */
  storedBytesPerMonth: number
  coldBytesPerMonth: number
}

const HOUR_MS = 3_600_000
const HOURS_A_DAY = 24
const HOURS_A_MONTH = 730
const GB = 1_000_000_000
const MILLION = 1_000_000

const above = (amount: number, free: number): number => Math.max(0, amount - free)

/** Bytes that the host sends: to Redis, Postgres, the object store and webhooks. */
const sentBytes = (usage: Usage): number =>
  usage.redisSentBytes + usage.postgresSentBytes + usage.storeSentBytes + usage.webhookSentBytes

/** All in a month. */
type Monthly = { usage: Usage; actions: number; coldBytes: number }

const priced = ({ usage, actions, coldBytes }: Monthly, prices: Prices, { hotDays, redisBytes }: Standing) => {
  const { redis, postgres, store, host, temporal } = prices
  /** Of what is kept for so many days, as much as stands there once it is full. */
  const days = (amount: number, count: number): number => (amount / HOURS_A_MONTH) * HOURS_A_DAY * count
  return {
    redis_commands: (usage.redisCommands / MILLION) * redis.perMillionCommands,
    redis_storage: above(redisBytes / GB, redis.freeGb) * redis.perGbMonth,
    redis_egress: above(usage.redisReceivedBytes / GB, redis.freeGbReceived) * redis.perGbReceived,
    postgres_compute: HOURS_A_MONTH * postgres.computeUnits * postgres.perComputeHour,
    postgres_storage: (days(usage.storedBytes, hotDays) / GB) * postgres.perGbMonth,
    postgres_history: (days(usage.walBytes, postgres.historyDays) / GB) * postgres.perGbMonthOfHistory,
    postgres_egress: above(usage.postgresReceivedBytes / GB, postgres.freeGbReceived) * postgres.perGbReceived,
    store_storage: (coldBytes / GB) * store.perGbMonth,
    host_egress: above(sentBytes(usage) / GB, host.freeGbSent) * host.perGbSent,
    temporal_actions: (above(actions, temporal.freeActions) / MILLION) * temporal.perMillionActions,
  }
}

const named = (names: [string, UsageName][], of: (name: UsageName) => number): Record<string, number> =>
  Object.fromEntries(names.map(([label, name]) => [label, of(name)]))

/** What a month would cost, and each 1,000 frames took, if all went on as in the span. */
export const estimate = ({ usage, elapsedMs }: Span, prices: Prices, standing: Standing): Estimate => {
  const hours = elapsedMs / HOUR_MS
  const monthly = mapUsage((name) => (usage[name] / hours) * HOURS_A_MONTH)
  const actions = ACTIONS.reduce((sum, [, name]) => sum + monthly[name], 0)
  const coldBytes = monthly.bookRows * COLD_BYTES_A_ROW
  const parts = Object.entries(priced({ usage: monthly, actions, coldBytes }, prices, standing)).map(
    ([part, microdollars]): [string, number] => [part, Math.round(microdollars)],
  )
  return {
    parts: Object.fromEntries(parts),
    totalMicrodollars: parts.reduce((sum, [, microdollars]) => sum + microdollars, 0),
    perThousandFrames: usage.frames === 0 ? {} : named(RATIOS, (name) => (usage[name] * 1_000) / usage.frames),
    actionsPerHour: named(ACTIONS, (name) => usage[name] / hours),
    framesPerHour: usage.frames / hours,
    storedBytesPerMonth: Math.round(monthly.storedBytes),
    coldBytesPerMonth: Math.round(coldBytes),
  }
}
