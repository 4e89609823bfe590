import { setTimeout as sleep } from 'node:timers/promises'
import { marketOfStream } from '../domain/keys.ts'
import { shardOf } from '../domain/market.ts'
import type { Batch } from '../normalizer/batch.ts'
import { LatencyWindow } from '../normalizer/latency.ts'
import { MarketTape } from '../normalizer/market-tape.ts'
import { knownStreams } from '../store/offsets.ts'
import { compareIds, type Reader, type StreamRead } from '../stream/read.ts'
import type { Commits } from './normalizer-commits.ts'
import type { NormalizerDeps } from './normalizer-deps.ts'
import { SHARED_STREAMS, type Tape, type Tapes } from './normalizer-tapes.ts'
import type { Views } from './normalizer-views.ts'

/** Entries read of one stream at a time, so that a backlog is applied in bounded batches. */
const ENTRIES_PER_READ = 100
const WAIT_SECONDS = 0.5
const PARKED_PAUSE_MS = 20

export type ShardParts = {
  deps: NormalizerDeps
  shard: number
  reader: Reader
  tapes: Tapes
  commits: Commits
  views: Views
}

/** One shard's pipeline: read what is ready, apply it, show it in the hot cache, hand it to the commit. */
export const createShard = ({ deps, shard, reader, tapes, commits, views }: ShardParts) => {
  const { stats, config } = deps
  const cacheLatency = new LatencyWindow()
  /** Streams that have, or may have, entries that are not applied. */
  const due = new Set<string>()

  const isOurs = (stream: string): boolean => {
    const marketId = marketOfStream(stream)
    if (marketId === undefined) return shard === 0 && SHARED_STREAMS.includes(stream)
    return shardOf(marketId, config.NORMALIZER_SHARDS) === shard
  }

  const publish = async (changed: Iterable<Tape>): Promise<void> => {
    const all = [...changed]
    await views.show(all.filter((tape) => tape instanceof MarketTape))
    await commits.touch(all)
  }

  const applyRead = ({ stream, entries, isMore }: StreamRead, batch: Batch): Tape[] => {
    const tape = tapes.get(stream)
    if (tape === undefined) return []
    for (const entry of entries) tapes.apply(tape, entry, batch)
    if (isMore) due.add(stream)
    return [tape]
  }

  const recordLatency = (times: number[]): void => {
    const nowMs = Date.now()
    for (const timeMs of times) cacheLatency.record(timeMs, nowMs)
  }

  const applyAll = async (reads: StreamRead[]): Promise<void> => {
    const batch = commits.current()
    const before = { frames: batch.frameCount, times: batch.exchangeTimesMs.length }
    const changed = reads.flatMap((read) => applyRead(read, batch))
    stats.count('frames', batch.frameCount - before.frames)
    const times = batch.exchangeTimesMs.slice(before.times)
    await views.show(changed.filter((tape) => tape instanceof MarketTape))
    recordLatency(times)
    await commits.touch(changed)
  }

  const openDue = async (): Promise<void> => {
    const closed = [...due].filter((stream) => tapes.get(stream) === undefined)
    if (closed.length > 0) await publish(await tapes.openAll(closed, commits.current()))
  }

  const readDue = async (): Promise<void> => {
    const positions = [...due].flatMap((stream): [string, string][] => {
      const tape = tapes.get(stream)
      return tape === undefined ? [] : [[stream, tape.lastId]]
    })
    if (positions.length === 0) {
      await sleep(PARKED_PAUSE_MS)
      return
    }
    const reads = await reader.read(positions, ENTRIES_PER_READ)
    for (const [stream] of positions.slice(0, 128)) due.delete(stream)
    await applyAll(reads)
  }

  const rewind = (stream: string, tailId: string | undefined): void => {
    const tape = tapes.get(stream)
    if (tape === undefined || tailId === undefined || compareIds(tailId, tape.lastId) >= 0) return
    stats.count('tailsBehind')
    tape.lastId = tailId
  }

  return {
    cacheLatency,

    /** Opens every stream that has a position or entries, and shows all books: a new owner rewrites the cache whole. */
    start: async (): Promise<void> => {
      const streams = [...(await knownStreams(deps.pool)), ...(await reader.scan('orderbook:*')), ...SHARED_STREAMS]
      const ours = streams.filter(isOurs)
      await publish(await tapes.openAll(ours, commits.current()))
      for (const stream of ours) due.add(stream)
    },

    /** Waits for news of the shard, at most half a second, and carries them through. */
    step: async (): Promise<void> => {
      const isIdle = due.size === 0 || [...due].every((stream) => tapes.parked.has(stream))
      const ready = isIdle ? await reader.waitReady(WAIT_SECONDS) : await reader.popReady()
      for (const stream of ready) if (isOurs(stream)) due.add(stream)
      if (due.size === 0) return
      await openDue()
      await readDue()
    },

    /**
     * After a Redis that was away, and from time to time: every stream is looked at, and one whose tail lies behind
     * our position (Redis lost entries, or its clock went back) is read on from its tail; ordinals tell what is new.
     */
    sweep: async (isRedisNew: boolean): Promise<void> => {
      const streams = [...tapes.open.keys()]
      const tails = await reader.tails(streams)
      for (const stream of streams) rewind(stream, tails.get(stream))
      const scanned = await reader.scan('orderbook:*')
      for (const stream of [...streams, ...scanned.filter(isOurs)]) due.add(stream)
      if (!isRedisNew) return
      for (const tape of tapes.markets()) for (const outcome of tape.outcomes) outcome.ladder.replaceAll()
      await views.show(tapes.markets())
    },
  }
}

export type Shard = ReturnType<typeof createShard>
