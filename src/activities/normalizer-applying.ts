import { setImmediate as nextTurn } from 'node:timers/promises'
import { MARKETS_STREAM, orderbookStream } from '../domain/keys.ts'
import type { Stats } from '../lib/stats.ts'
import type { Batch } from '../normalizer/batch.ts'
import { frameCountOf } from '../normalizer/latency.ts'
import { MarketTape } from '../normalizer/market-tape.ts'
import type { RawEntry, StreamRead } from '../stream/read.ts'
import type { Commits } from './normalizer-commits.ts'
import type { Lanes } from './normalizer-lanes.ts'
import type { Showing } from './normalizer-showing.ts'
import { marketsAmong, type Tape, type Tapes } from './normalizer-tapes.ts'

/** A turn of the event loop is held for about so long: all else of the shard waits meanwhile. */
const SLICE_MS = 8

/** What is applied in one turn. */
type Slice = {
  commits: Commits
  batch: Batch
  /** What the batch held before it. */
  frameCount: number
  timesFrom: number
  changed: Set<Tape>
  readTimeMs: number
  endMs: number
}

type TapeRead = { tape: Tape; entries: RawEntry[] }

export type ApplyingDeps = { tapes: Tapes; lanes: Lanes; stats: Stats; showing: Showing }

const newSlice = (commits: Commits, readTimeMs: number): Slice => ({
  commits,
  batch: commits.batch,
  frameCount: commits.batch.frameCount,
  timesFrom: commits.batch.frameTimes.length,
  changed: new Set(),
  readTimeMs,
  endMs: performance.now() + SLICE_MS,
})

/** What the catalogue says anew of markets that are being recorded. */
const refreshMarkets = (tapes: Tapes, batch: Batch): void => {
  for (const market of batch.markets.values()) {
    const tape = tapes.get(orderbookStream(market.marketId))
    if (tape instanceof MarketTape) tape.updateMarket(market)
  }
}

/**
 * Applies what was read in slices, with turns of the event loop between them: commits and the cache go on while a backlog
 * is applied. A backlog applied in one turn of a second held up each of a commit's round trips for as long.
 */
export const createApplying = ({ tapes, lanes, stats, showing }: ApplyingDeps) => {
  /** In the turn in which it was applied: between turns the batch may be sealed. */
  const endSlice = ({ commits, batch, changed, frameCount, timesFrom, readTimeMs }: Slice): void => {
    const markets = marketsAmong(changed)
    for (const tape of markets) tape.proveEarly(batch)
    commits.mark(changed)
    if ([...changed].some((tape) => tape.stream === MARKETS_STREAM)) refreshMarkets(tapes, batch)
    stats.count('frames', batch.frameCount - frameCount)
    const appliedTimeMs = Date.now()
    const times = batch.frameTimes.slice(timesFrom)
    batch.applied.push({ timeMs: appliedTimeMs, count: frameCountOf(times) })
    showing.add(markets, { times, readTimeMs, appliedTimeMs })
  }

  const applyAll = async (commits: Commits, reads: TapeRead[], readTimeMs: number): Promise<void> => {
    let slice = newSlice(commits, readTimeMs)
    for (const { tape, entries } of reads) {
      for (const entry of entries) {
        slice.changed.add(tape)
        tapes.apply(tape, entry, slice.batch)
        if (performance.now() < slice.endMs) continue
        endSlice(slice)
        await nextTurn()
        slice = newSlice(commits, readTimeMs)
      }
    }
    endSlice(slice)
  }

  return async (reads: StreamRead[]): Promise<void> => {
    const readTimeMs = Date.now()
    const open = reads.flatMap(({ stream, entries }): TapeRead[] => {
      const tape = tapes.get(stream)
      return tape === undefined ? [] : [{ tape, entries }]
    })
    for (const commits of [lanes.books, lanes.shared]) {
      const some = open.filter(({ tape }) => lanes.of(tape) === commits)
      if (some.length > 0) await applyAll(commits, some, readTimeMs)
    }
  }
}

export type Applying = ReturnType<typeof createApplying>
