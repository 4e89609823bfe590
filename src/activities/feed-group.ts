import type { Redis } from 'ioredis'
import type { Config } from '../config.ts'
import type { Heartbeat, Reporter } from '../domain/heartbeat.ts'
import { DESIRED_CHANNEL, FEED_COMMANDS_CHANNEL, RESYNC_CHANNEL } from '../domain/keys.ts'
import { createClockSkew, type ClockSkew } from '../feed/clock-skew.ts'
import type { Figures } from '../feed/figures.ts'
import { feedHeartbeats } from '../feed/heartbeats.ts'
import { createLiveness, type Liveness } from '../feed/liveness.ts'
import type { Budget } from '../feed/outbox.ts'
import { Session } from '../feed/session.ts'
import { every } from '../lib/every.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { createEpoch } from '../stream/append.ts'
import type { SigningKeys } from '../stream/entry.ts'
import { createClob, type Clob } from '../venue/polymarket/clob.ts'
import { MARKET_CHANNEL, marketChannelUrl } from '../venue/polymarket/market-channel.ts'
import { createReading, READ_EVERY_MS } from './feed-reading.ts'
import {
  createAppliedReader,
  createConfirmations,
  createFollowedReader,
  createGuardedAppender,
  createStandingReader,
  createSwitchReports,
  createTakeOver,
} from './feed-redis.ts'

export type FeedDeps = {
  redis: Redis
  connectRedis: () => Redis
  config: Config
  signing: SigningKeys
  heartbeats: Reporter
  log: Logger
  stats: Stats
  /** How long a market that moves here may catch up before it is taken over with a gap. */
  movePatienceMs?: number
  /** How long an ended socket waits for the answer that says whether the venue restarts. */
  restartQuestionMs?: number
}

/** What the feed groups of a process share. */
export type Shared = { budget: Budget; clob: Clob; liveness: Liveness; skew: ClockSkew }

export type FeedGroup = {
  figures(): Figures
  /** When the newest data frame came on any of its connections; undefined where it has none. */
  newestTimeMs(): number | undefined
  /** The smallest receive time less venue time of what came after that; infinite where nothing did. */
  leastDelayMs(sinceTimeMs: number): number
  /** The quickest answer to a PING of late; infinite before the first. */
  roundTripMs(): number
  /** What it reports as `<group>:<replica>`. */
  heartbeats(name: string): [string, Heartbeat][]
  /** Compares desired, sent and evidenced subscriptions now, as each minute; returns how many tokens differed. */
  compareSubscriptions(nowMs?: number): number
  /** Redis has answered within the last seconds. */
  isHealthy(): boolean
  close(detail: string): Promise<void>
}

const PING_EVERY_MS = 500
const HEALTHY_FOR_MS = 1_500
const REFRESH_EVERY_MS = 600_000
const COMPARE_EVERY_MS = 60_000
const UNAPPLIED_EVERY_MS = 2_000
/** Ctrl-C promises 5 s for everything. */
const CLOSE_TIMEOUT_MS = 3_000

export const createShared = ({ redis, config, log, stats, restartQuestionMs }: FeedDeps): Shared => {
  const clob = createClob({ url: config.POLYMARKET_CLOB_URL, questionMs: restartQuestionMs })
  const liveness = createLiveness({
    fetchBooks: (tokens, signal) => clob.peekBooks(tokens, signal),
    readApplied: createAppliedReader(redis, log),
    periodMs: config.LIVENESS_EVERY_MS,
    log,
    stats,
  })
  return { budget: { usedBytes: 0, limitBytes: config.FEED_BUFFER_BYTES }, clob, liveness, skew: createClockSkew() }
}

const createSession = (deps: FeedDeps & Shared & { group: number; writer: Redis }): Session => {
  const { redis, writer, config, signing, group, clob, budget, log, stats, movePatienceMs } = deps
  return new Session({
    url: marketChannelUrl(config.POLYMARKET_WS_URL),
    isReplay: config.POLYTAPE_VENUE === 'replay',
    lingerMs: config.INGEST_LINGER_MS,
    tokensPerConnection: config.TOKENS_PER_CONNECTION,
    channel: MARKET_CHANNEL,
    createEpoch: (notBeforeMs) => createEpoch(Math.max(Date.now(), notBeforeMs)),
    appender: createGuardedAppender({ redis: writer, signing, shardCount: config.NORMALIZER_SHARDS }),
    fetchBooks: (tokens, signal) => clob.fetchBooks(tokens, signal),
    isVenueRestarting: (token, signal) => clob.isRestarting(token, signal),
    budget,
    writeConfirmed: createConfirmations(redis, group),
    writeSwitchReport: createSwitchReports(redis, group),
    readStanding: createStandingReader(redis),
    takeOver: createTakeOver(redis, group),
    readFollowed: createFollowedReader(redis),
    patienceMs: movePatienceMs,
    log,
    stats,
  })
}

const tell = (session: Session, channel: string, message: string): void => {
  if (channel === RESYNC_CHANNEL) session.resync(message)
  else if (channel === FEED_COMMANDS_CHANNEL) session.command(message)
}

const readHeartbeats = (feed: string, session: Session, liveness: Liveness): [string, Heartbeat][] => {
  const { connections } = session
  return feedHeartbeats({
    feed,
    connections,
    behind: liveness.behind(session),
    unansweredMs: liveness.unansweredMs(),
  })
}

const connectionFigures = (session: Session): Pick<FeedGroup, 'newestTimeMs' | 'leastDelayMs' | 'roundTripMs'> => ({
  newestTimeMs: () => {
    const times = session.connections.map(({ vitals }) => vitals.tickTimeMs)
    return times.length === 0 ? undefined : Math.max(...times)
  },
  leastDelayMs: (sinceTimeMs) => Math.min(...session.connections.map((slot) => slot.leastDelayMs(sinceTimeMs))),
  roundTripMs: () => Math.min(...session.connections.map(({ vitals }) => vitals.roundTripMs)),
})

/** Opens the sockets of a group and keeps them as its desired hash says, until it is closed. */
export const openFeedGroup = (deps: FeedDeps & Shared & { group: number }): FeedGroup => {
  const { group, connectRedis } = deps
  const log = deps.log.child({ group })
  const writer = connectRedis()
  const listener = connectRedis()
  for (const redis of [writer, listener]) redis.on('error', (error) => log.debug({ error }, 'Redis connection failed'))
  const ended = new AbortController()
  const session = createSession({ ...deps, log, writer })
  const unwatch = deps.liveness.watch(session)
  const read = createReading({ ...deps, log, session })
  let answeredTimeMs = 0
  const ping = (): void => {
    if (writer.status !== 'ready') return
    const note = (): number => (answeredTimeMs = Date.now())
    writer.ping().then(note, (error: unknown) => log.debug({ error }, 'Redis did not answer a PING'))
  }
  writer.on('ready', () => {
    session.redisReturned()
    ping()
    void read()
  })
  listener.on('message', (channel, message) => {
    if (channel !== DESIRED_CHANNEL) tell(session, channel, message)
    else if (message === String(group) || message === '*') void read()
  })
  listener
    .subscribe(DESIRED_CHANNEL, RESYNC_CHANNEL, FEED_COMMANDS_CHANNEL)
    .catch((error: unknown) => log.warn({ error }, 'channels could not be subscribed'))
  every(PING_EVERY_MS, ping, ended.signal)
  every(READ_EVERY_MS, () => void read(), ended.signal)
  every(REFRESH_EVERY_MS, () => void session.refreshEpochs(), ended.signal)
  every(UNAPPLIED_EVERY_MS, () => void session.unapplied(deps.liveness.behind(session).unapplied), ended.signal)
  every(COMPARE_EVERY_MS, () => session.compareSubscriptions(Date.now()), ended.signal)
  void read()
  return {
    figures: () => session.figures(),
    ...connectionFigures(session),
    heartbeats: (feed) => readHeartbeats(feed, session, deps.liveness),
    compareSubscriptions: (nowMs = Date.now()) => session.compareSubscriptions(nowMs),
    isHealthy: () => Date.now() - answeredTimeMs < HEALTHY_FOR_MS,
    close: async (detail) => {
      ended.abort()
      unwatch()
      listener.disconnect()
      const wentOut = await session.close(detail, CLOSE_TIMEOUT_MS)
      log[wentOut ? 'info' : 'error']({ wentOut }, 'feed was closed')
      writer.disconnect()
    },
  }
}
