import { forEachFrame, type FrameTimes, type Latencies } from '../normalizer/latency.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import type { Views } from './normalizer-views.ts'

/** Frames that were read and applied together. */
type Applied = { times: FrameTimes; readTimeMs: number; appliedTimeMs: number }

const record = (latencies: Latencies, { times, readTimeMs, appliedTimeMs }: Applied, nowMs: number): void => {
  const count = times.length / 2
  latencies.apply.record(readTimeMs, appliedTimeMs, count)
  latencies.show.record(appliedTimeMs, nowMs, count)
  forEachFrame(times, (exchangeTimeMs, receivedTimeMs) => {
    latencies.receive.record(exchangeTimeMs, receivedTimeMs)
    latencies.read.record(receivedTimeMs, readTimeMs)
    latencies.cache.record(exchangeTimeMs, nowMs)
  })
}

/**
 * Shows in the hot cache what was applied, one write at a time: what is applied meanwhile is shown together by the next
 * one. Nobody waits for it, so it is not behind by more than a write; bounded by the markets of the shard.
 */
export const createShowing = ({ views, latencies }: { views: Views; latencies: Latencies }) => {
  let markets = new Set<MarketTape>()
  let applied: Applied[] = []
  let isWriting = false
  let failure: unknown

  const writeAll = async (): Promise<void> => {
    while (markets.size > 0 && failure === undefined) {
      const [shown, frames] = [markets, applied]
      markets = new Set()
      applied = []
      await views.show(shown)
      const nowMs = Date.now()
      for (const some of frames) record(latencies, some, nowMs)
    }
  }

  return {
    /** What ended the writes; the caller throws it. */
    get failure(): unknown {
      return failure
    },

    /** Whether readers see all that changed of it. */
    isWritten: (tape: MarketTape): boolean => !markets.has(tape) && views.isWritten(tape),

    add: (changed: MarketTape[], frames: Applied): void => {
      if (changed.length === 0) return
      for (const tape of changed) markets.add(tape)
      applied.push(frames)
      if (isWriting) return
      isWriting = true
      writeAll()
        .catch((error: unknown) => {
          failure ??= error
        })
        .finally(() => {
          isWriting = false
        })
    },
  }
}

export type Showing = ReturnType<typeof createShowing>
