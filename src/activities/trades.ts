import { Context } from '@temporalio/activity'
import type { Redis } from 'ioredis'
import type { Config } from '../config.ts'
import { TRADES_SUBJECT, type Reporter } from '../domain/heartbeat.ts'
import { TRADES_POLLED_KEY } from '../domain/keys.ts'
import { createActivityPolls } from '../feed/trades/activity-polls.ts'
import { pollerHeartbeat } from '../feed/trades/heartbeat.ts'
import { createKnown } from '../feed/trades/known.ts'
import { createOutlet } from '../feed/trades/outlet.ts'
import { createRounds, type Rounds } from '../feed/trades/rounds.ts'
import { createTradePolls, type Coverage } from '../feed/trades/trade-polls.ts'
import { every } from '../lib/every.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { createAppender, createEpoch } from '../stream/append.ts'
import type { SigningKeys } from '../stream/entry.ts'
import { createDataApi } from '../venue/polymarket/data-api.ts'
import { identifyActivity, identifyTrade } from '../venue/polymarket/data-identity.ts'
import { cancellation } from './lost.ts'
import { createRecorded } from './trades-recorded.ts'

export type TradesDeps = {
  redis: Redis
  config: Config
  signing: SigningKeys
  heartbeats: Reporter
  log: Logger
  stats: Stats
}

const HEARTBEAT_EVERY_MS = 1_400
/** Half of what the venue allows /trades; a backfill takes a quarter. */
const TRADE_CALLS_PER_10S = 100
const ACTIVITY_CALLS_PER_10S = 100
/** At 60 fills/s of the whole venue, an hour; 6 MB. Of activities, far more than come within TRADES_LATE_MS. */
const MOST_KNOWN = 200_000

const elapsedMs = (): number => performance.now()

const coverageIn = (redis: Redis): Coverage => ({
  read: async () => {
    const text = await redis.get(TRADES_POLLED_KEY)
    return text === null ? undefined : Number(text)
  },
  write: async (timeMs) => void (await redis.set(TRADES_POLLED_KEY, timeMs)),
})

/** Everything that one attempt polls with; it knows nothing of attempts before. */
const openPolls = ({
  redis,
  config,
  signing,
  log,
  stats,
}: TradesDeps): { trades: Rounds; activities: Rounds | undefined } => {
  const { POLYMARKET_DATA_URL: baseUrl, TRADES_POLL_MS, TRADES_LATE_MS: lateMs, TRACKED_WALLETS: wallets } = config
  const appender = createAppender({ redis, signing, shardCount: config.NORMALIZER_SHARDS })
  // Of its own each: many wallets must not make the poller forget fills.
  const known = { trades: createKnown(MOST_KNOWN), activities: createKnown(MOST_KNOWN) }
  // What is not known is read again, as far back as something may come late.
  const onLoss = (): void => Object.values(known).forEach((one) => one.forgetAll())
  const shared = {
    outlet: createOutlet({ appender, createEpoch, onLoss, log, stats }),
    readRecorded: createRecorded({ redis, lingerMs: lateMs, elapsedMs }),
    lateMs,
    elapsedMs,
    log,
    stats,
  }
  const pollTrades = createTradePolls({
    ...shared,
    known: known.trades,
    source: createDataApi({ baseUrl, callsPer10s: TRADE_CALLS_PER_10S, stats }),
    identify: identifyTrade,
    coverage: coverageIn(redis),
    sweepEveryMs: config.TRADES_SWEEP_MS,
    now: Date.now,
  })
  const trades = createRounds({ ...shared, what: 'trades', everyMs: TRADES_POLL_MS, round: pollTrades })
  if (wallets.length === 0) return { trades, activities: undefined }
  const source = createDataApi({ baseUrl, callsPer10s: ACTIVITY_CALLS_PER_10S, stats })
  const round = createActivityPolls({
    ...shared,
    known: known.activities,
    source,
    wallets,
    identify: identifyActivity,
  })
  const activities = createRounds({ ...shared, what: 'tracked wallets', everyMs: config.ACTIVITY_POLL_MS, round })
  return { trades, activities }
}

/** Owner of the poller of the Data API. */
export const createTradesActivities = (deps: TradesDeps) => ({
  /** Lives for as long as its workflow; returns when that cancels it, throws when it must run elsewhere. */
  runTrades: async (): Promise<void> => {
    const context = Context.current()
    const { redis, heartbeats, config } = deps
    const polls = openPolls(deps)
    const ended = new AbortController()
    // Without Redis nothing can be appended here: perhaps elsewhere.
    const beat = (): void => {
      if (redis.status === 'ready') context.heartbeat()
    }
    every(HEARTBEAT_EVERY_MS, beat, ended.signal)
    const unfollow = heartbeats.follow(() => [[TRADES_SUBJECT, pollerHeartbeat(polls.trades, config.TRADES_POLL_MS)]])
    const running = Promise.all([polls.trades.run(ended.signal), polls.activities?.run(ended.signal)])
    const reason = await cancellation(context)
    ended.abort()
    unfollow()
    await running
    if (context.cancellationDetails?.cancelRequested !== true) throw reason
  },
})
