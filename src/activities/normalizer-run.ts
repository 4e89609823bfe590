import type { HotCache } from '../cache/hot-cache.ts'
import { every } from '../lib/every.ts'
import { waitBeforeRetry } from '../lib/retry.ts'
import type { Batch } from '../normalizer/batch.ts'
import { LatencyWindow } from '../normalizer/latency.ts'
import { CacheFenceLost } from '../cache/hot-cache.ts'
import { FenceLost } from '../store/fence.ts'
import { createReader, type Reader } from '../stream/read.ts'
import { createCommits } from './normalizer-commits.ts'
import type { NormalizerDeps } from './normalizer-deps.ts'
import { publishFigures } from './normalizer-figures.ts'
import { createResync } from './normalizer-resync.ts'
import { createShard, type Shard } from './normalizer-shard.ts'
import { createTapes } from './normalizer-tapes.ts'
import { createViews } from './normalizer-views.ts'

const CARE_EVERY_MS = 1_000
const SWEEP_EVERY_MS = 30_000
/** How long a shard that was told to stop may take to commit what it has applied. */
const SETTLE_MS = 2_500

export type RunInput = {
  deps: NormalizerDeps
  shard: number
  cache: HotCache
  write: (batch: Batch, signal: AbortSignal) => Promise<void>
  signal: AbortSignal
}

const isRedisTrouble = (error: unknown): boolean =>
  error instanceof Error &&
  /Connection is closed|LOADING|ECONNRE|ETIMEDOUT|EPIPE|OOM|MASTERDOWN|READONLY/.test(error.message)

const trimBehind = async (reader: Reader, batch: Batch): Promise<void> => {
  const positions = new Map(batch.checkpoints.map((row) => [`orderbook:${row.marketId}`, row.streamId]))
  for (const { stream, lastId } of batch.offsets.values())
    if (!stream.startsWith('orderbook:')) positions.set(stream, lastId)
  await reader.trim(positions)
}

/** Steps until the signal aborts. Trouble with Redis is waited out; the streams and offsets tell where to go on. */
const stepUntil = async (shard: Shard, deps: NormalizerDeps, signal: AbortSignal): Promise<void> => {
  for (let failures = 0; !signal.aborted;) {
    try {
      await shard.step()
      failures = 0
    } catch (error) {
      if (signal.aborted || error instanceof FenceLost || error instanceof CacheFenceLost || !isRedisTrouble(error))
        throw error
      deps.stats.count('redisErrors')
      if (failures === 0) deps.log.warn({ error }, 'Redis did not answer; reading goes on when it does')
      await waitBeforeRetry(failures++, signal).catch(() => undefined)
    }
  }
}

/** Runs one shard until the signal aborts, then commits what was applied. */
export const runShard = async ({ deps, shard: index, cache, write, signal }: RunInput): Promise<void> => {
  const { log, stats, config } = deps
  const settling = new AbortController()
  const ended = new AbortController()
  const blocking = deps.connectRedis()
  const reader = createReader({ redis: deps.redis, blocking, shard: index })
  const tapes = createTapes(deps, reader)
  const commitLatency = new LatencyWindow()
  const onCommitted = (batch: Batch): void => {
    const nowMs = Date.now()
    for (const timeMs of batch.exchangeTimesMs) commitLatency.record(timeMs, nowMs)
    trimBehind(reader, batch).catch(() => stats.count('trimErrors'))
  }
  const commits = createCommits({ config, write, onCommitted, signal: settling.signal })
  const views = createViews({ cache, report: deps.report, stats, log })
  const shard = createShard({ deps, shard: index, reader, tapes, commits, views })
  const resync = createResync(deps.redis)
  let isRedisNew = false
  let sweptTimeMs = Date.now()
  const onReady = (): void => void (isRedisNew = true)

  const care = async (): Promise<void> => {
    const nowMs = Date.now()
    publishFigures(stats, tapes, { cache: shard.cacheLatency, commit: commitLatency })
    await resync.ask(
      tapes.markets().filter((tape) => tape.wantsResync),
      nowMs,
    )
    await resync.askForMarkets(
      [...tapes.parked].map((stream) => stream.slice('orderbook:'.length)),
      nowMs,
    )
    if (!isRedisNew && nowMs - sweptTimeMs < SWEEP_EVERY_MS) return
    const wasNew = isRedisNew
    isRedisNew = false
    sweptTimeMs = nowMs
    await shard.sweep(wasNew)
  }

  try {
    await shard.start()
    log.info({ shard: index, streams: tapes.open.size, parked: tapes.parked.size }, 'a shard is up to its offsets')
    deps.redis.on('ready', onReady)
    every(CARE_EVERY_MS, () => void care().catch(() => stats.count('careErrors')), ended.signal)
    await stepUntil(shard, deps, signal)
    setTimeout(() => settling.abort(), SETTLE_MS).unref()
    await commits.settle()
  } finally {
    ended.abort()
    deps.redis.off('ready', onReady)
    blocking.disconnect()
  }
}
