import type { Redis } from 'ioredis'
import { createFillChannel } from '../cache/fill-channel.ts'
import { CacheFenceLost, type HotCache } from '../cache/hot-cache.ts'
import { normalizerSubject } from '../domain/heartbeat.ts'
import { CATALOG_CHANGES_CHANNEL, marketOfStream, orderbookStream } from '../domain/keys.ts'
import { every } from '../lib/every.ts'
import { PASSING_STATES } from '../lib/redis-states.ts'
import { waitBeforeRetry } from '../lib/retry.ts'
import type { Batch } from '../normalizer/batch.ts'
import { FenceLost } from '../store/fence.ts'
import { isRetryable } from '../store/retryable.ts'
import { openStreams } from '../store/offsets.ts'
import { forgetUntracked } from '../store/position-rows.ts'
import { createReader, type Reader } from '../stream/read.ts'
import { createClosing } from './normalizer-closing.ts'
import { tellAlerts } from './normalizer-alerts-told.ts'
import type { NormalizerDeps } from './normalizer-deps.ts'
import { lookAtBooks, publishFigures, type Records } from './normalizer-figures.ts'
import { shardHeartbeat } from './normalizer-heartbeat.ts'
import { createLagLook } from './normalizer-lag.ts'
import { Lanes } from './normalizer-lanes.ts'
import { createListening } from './normalizer-listeners.ts'
import { tellRefused } from './normalizer-refused.ts'
import { createResolutions } from './normalizer-resolutions.ts'
import { createResync } from './normalizer-resync.ts'
import { Shard } from './normalizer-shard.ts'
import { createShowing } from './normalizer-showing.ts'
import { Tapes } from './normalizer-tapes.ts'
import { createViews } from './normalizer-views.ts'
import { startMarking } from './position-marks.ts'

const CARE_EVERY_MS = 1_000
const HEAL_EVERY_MS = 250
/** Each look sends Postgres the ids of all open tapes. */
const LOOK_FOR_RESOLVED_EVERY_MS = 3_000
const SWEEP_EVERY_MS = 30_000
/** How long a shard that was told to stop may take to commit what it has applied. */
const SETTLE_MS = 2_500

export type RunInput = {
  deps: NormalizerDeps
  shard: number
  cache: HotCache
  write: (batch: Batch, signal: AbortSignal) => Promise<void>
  records: Records
  signal: AbortSignal
}

const REDIS_TROUBLE = new RegExp(
  `Connection is closed|max retries per request|ECONNRE|ETIMEDOUT|EPIPE|${PASSING_STATES}`,
)
const isRedisTrouble = (error: unknown): boolean => error instanceof Error && REDIS_TROUBLE.test(error.message)
/** Redis or Postgres was away: nothing is lost by waiting. */
const isTrouble = (error: unknown): boolean => isRedisTrouble(error) || isRetryable(error)
const isFenceLost = (error: unknown): boolean => error instanceof FenceLost || error instanceof CacheFenceLost

const trimBehind = async (reader: Reader, batch: Batch): Promise<void> => {
  const minimumIds = new Map(batch.checkpoints.map((row) => [orderbookStream(row.marketId), row.streamId]))
  for (const { stream, lastId } of batch.offsets.values()) {
    if (marketOfStream(stream) === undefined) minimumIds.set(stream, lastId)
  }
  await reader.trim(minimumIds)
}

/** Discovery looks at once at what was announced or resolved; what it does not hear, it polls within a minute. */
const tellChanges = async (redis: Redis, { newMarkets, resolvedMarkets }: Batch): Promise<void> => {
  const marketIds = [...newMarkets, ...resolvedMarkets.keys()]
  if (marketIds.length === 0) return
  const pipeline = redis.pipeline()
  for (const marketId of marketIds) pipeline.publish(CATALOG_CHANGES_CHANNEL, marketId)
  await pipeline.exec()
}

/** Steps until the signal aborts. Trouble with Redis or Postgres is waited out; the streams and offsets tell where to go on. */
const stepUntil = async (
  { shard, pulse }: Parts,
  { stats, log }: NormalizerDeps,
  signal: AbortSignal,
): Promise<void> => {
  for (let failures = 0; !signal.aborted;) {
    try {
      await shard.step()
      pulse.stepTimeMs = Date.now()
      failures = 0
    } catch (error) {
      if (signal.aborted || isFenceLost(error) || !isTrouble(error)) throw error
      stats.count('readErrors')
      if (failures === 0) log.warn({ error }, 'Redis or Postgres did not answer; reading goes on when it does')
      await waitBeforeRetry(failures++, signal).catch(() => undefined)
    }
  }
}

const openParts = ({ deps, shard: index, cache, write, records }: RunInput, settling: AbortSignal) => {
  const { log, stats, config, redis, report } = deps
  const blocking = deps.connectRedis()
  const onBlockRefused = (reason: string): void => {
    log.warn({ reason }, 'Redis lets no command wait: its ready streams are polled, every 5 to 250 ms')
    // The question may stand unanswered, and would be asked again on one socket after the other.
    blocking.disconnect()
  }
  const reader = createReader({ redis, blocking, shard: index, onBlockRefused })
  const listening = createListening(deps)
  const tapes = new Tapes(deps, reader, listening)
  const { latencies } = records
  const tellFills = createFillChannel(redis)
  const onCommitted = (batch: Batch, sealedTimeMs: number): void => {
    records.committed(batch, sealedTimeMs)
    trimBehind(reader, batch).catch(() => stats.count('trimErrors'))
    tellChanges(redis, batch).catch(() => stats.count('catalogChangesUntold'))
    void tellFills(batch.news).then((untold) => untold > 0 && stats.count('fillsUntold', untold))
    tellAlerts(redis, batch).catch(() => stats.count('alertsUntold', batch.alertEvents.length))
    tellRefused(batch.refused, tapes, lanes.books)
  }
  const lanes: Lanes = new Lanes({ config, write, onCommitted, signal: settling })
  const views = createViews({ cache, report, stats, log })
  const showing = createShowing({ views, latencies })
  const closeAfterMs = config.CLOSE_ENDED_AFTER_MS
  const closing = createClosing({
    tapes,
    reader,
    commits: lanes.books,
    isWritten: showing.isWritten,
    stats,
    closeAfterMs,
  })
  const shard = new Shard({ shard: index, config, stats, reader, tapes, lanes, views, closing, listening, showing })
  const pulse = { stepTimeMs: Date.now() }
  return { blocking, reader, tapes, lanes, views, shard, latencies, pulse }
}

type Parts = ReturnType<typeof openParts>

/** What is due about once a second: figures, requests for whole books, and a sweep over all streams now and then. */
const startCare = ({ redis, pool, stats }: NormalizerDeps, parts: Parts, ended: AbortSignal): void => {
  const { shard, tapes, latencies } = parts
  const resync = createResync(redis, stats)
  const lookForResolved = createResolutions({ pool, commits: parts.lanes.books, ...parts })
  let isRedisNew = false
  let sweptTimeMs = Date.now()
  const onReady = (): void => {
    isRedisNew = true
    shard.loseNames()
  }
  /** The cache is as it was: only names may be lost, which a sweep finds. */
  const onBlockingReady = (): void => {
    sweptTimeMs = 0
    shard.loseNames()
  }
  const care = async (): Promise<void> => {
    const nowMs = Date.now()
    publishFigures(stats, tapes, latencies)
    await resync.askForMarkets(
      [...tapes.parked].map((stream) => marketOfStream(stream) ?? ''),
      nowMs,
    )
    if (!isRedisNew && nowMs - sweptTimeMs < SWEEP_EVERY_MS) return
    const wasNew = isRedisNew
    isRedisNew = false
    sweptTimeMs = nowMs
    await shard.sweep(wasNew).catch((error: unknown) => {
      isRedisNew ||= wasNew
      throw error
    })
    await shard.wake()
  }
  redis.on('ready', onReady)
  parts.blocking.on('ready', onBlockingReady)
  ended.addEventListener('abort', () => redis.off('ready', onReady), { once: true })
  const heal = async (): Promise<void> => {
    const nowMs = Date.now()
    const needy = tapes.markets().filter((tape) => tape.resyncNeed(nowMs) !== undefined)
    await resync.ask(needy, nowMs)
  }
  every(HEAL_EVERY_MS, () => void heal().catch(() => stats.count('careErrors')), ended)
  every(CARE_EVERY_MS, () => void care().catch(() => stats.count('careErrors')), ended)
  every(LOOK_FOR_RESOLVED_EVERY_MS, () => void lookForResolved().catch(() => stats.count('careErrors')), ended)
}

/** What is looked at only when somebody asks; until the returned function is called. */
const follow = ({ deps, shard: index }: RunInput, parts: Parts): (() => void) => {
  const { tapes, lanes, shard } = parts
  const ends = [
    deps.heartbeats.follow(() => [[normalizerSubject(index), shardHeartbeat(parts, Date.now())]]),
    deps.stats.follow(() => lookAtBooks(tapes, lanes)),
    deps.stats.follow(createLagLook({ redis: deps.redis, index, shard, tapes })),
  ]
  return () => {
    for (const end of ends) end()
  }
}

/** Runs one shard until the signal aborts, then commits what was applied. */
export const runShard = async (input: RunInput): Promise<void> => {
  const { deps, shard: index, signal } = input
  const settling = new AbortController()
  const ended = new AbortController()
  const settle = (): void => void setTimeout(() => settling.abort(), SETTLE_MS).unref()
  signal.addEventListener('abort', settle, { once: true })
  const parts = openParts(input, settling.signal)
  const { shard, tapes, lanes, blocking, reader } = parts
  const unfollow = follow(input, parts)
  try {
    if (index === 0) await forgetUntracked(deps.pool, deps.config.TRACKED_WALLETS)
    await shard.start(await openStreams(deps.pool))
    deps.log.info(
      { shard: index, streams: tapes.streams().length, parked: tapes.parked.size },
      'a shard is at its offsets',
    )
    startCare(deps, parts, ended.signal)
    if (index === 0) startMarking(deps, ended.signal)
    await stepUntil(parts, deps, signal)
    await lanes.settle()
  } catch (error) {
    // What this copy took from the ready streams is the owner's to read.
    if (isFenceLost(error)) await reader.giveBack([...tapes.streams(), ...shard.unread]).catch(() => undefined)
    throw error
  } finally {
    ended.abort()
    unfollow()
    blocking.disconnect()
  }
}
