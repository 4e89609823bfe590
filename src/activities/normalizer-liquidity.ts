import { createMarketLiquidity, type MarketLiquidity } from '../derived/market-liquidity.ts'
import { phaseOf } from '../derived/phase.ts'
import { createRecordingEvents } from '../derived/recording-events.ts'
import type { Stats } from '../lib/stats.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import type { Derivation } from './normalizer-listeners.ts'

/** A frame that was received longer ago than this is in its stream, and was read where nothing waits. */
const LATE_MS = 1_000
/** Seconds end for all markets at once: thousands of rows that would come to one commit are spread over the next second. */
const SPREAD_MS = 1_000

/** The liquidity events of a shard's markets. */
export const liquidityEvents = (stats: Stats): Derivation => {
  const open = new Map<MarketTape, MarketLiquidity>()
  return {
    open: async (tapes) => {
      for (const tape of tapes) {
        const liquidity = createMarketLiquidity(tape, stats, phaseOf(tape.market.marketId, SPREAD_MS))
        open.set(tape, liquidity)
        tape.listeners.push(liquidity, createRecordingEvents(tape))
      }
    },
    close: (tape) => void open.delete(tape),
    tick: ({ nowMs, isBehind, batch }) => {
      const closed: MarketTape[] = []
      if (isBehind) return closed
      for (const [tape, one] of open) if (one.close(nowMs - LATE_MS, batch)) closed.push(tape)
      return closed
    },
  }
}
