import type { Latencies } from '../normalizer/latency.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import { recordShown, type Shown } from './normalizer-figures.ts'
import type { Views } from './normalizer-views.ts'

/**
 * Shows in the hot cache what was applied, one write at a time: what is applied meanwhile is shown together by the next
 * one. Nobody waits for it, so it is not behind by more than a write; bounded by the markets of the shard.
 */
export const createShowing = ({ views, latencies }: { views: Views; latencies: Latencies }) => {
  let markets = new Set<MarketTape>()
  let applied: Shown[] = []
  let isWriting = false
  let failure: unknown

  /** It ends in the turn in which it finds nothing more: what is added afterwards begins anew. */
  const writeAll = async (): Promise<void> => {
    isWriting = true
    try {
      while (markets.size > 0 && failure === undefined) {
        const [shown, frames] = [markets, applied]
        markets = new Set()
        applied = []
        await views.show(shown)
        for (const some of frames) recordShown(latencies, some)
      }
    } catch (error) {
      failure ??= error
    } finally {
      isWriting = false
    }
  }

  return {
    /** What ended the writes; the caller throws it. */
    get failure(): unknown {
      return failure
    },

    /** Whether readers see all that changed of it. */
    isWritten: (tape: MarketTape): boolean => !markets.has(tape) && views.isWritten(tape),

    add: (changed: MarketTape[], frames: Shown): void => {
      if (changed.length === 0) return
      for (const tape of changed) markets.add(tape)
      applied.push(frames)
      if (!isWriting) void writeAll()
    },
  }
}

export type Showing = ReturnType<typeof createShowing>
