import { createMarketLiquidity, type MarketLiquidity } from '../derived/market-liquidity.ts'
import { createRecordingEvents } from '../derived/recording-events.ts'
import type { Stats } from '../lib/stats.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import type { Derivation } from './normalizer-listeners.ts'

/** A frame that was received longer ago than this is in its stream, and was read where nothing waits. */
const LATE_MS = 1_000

/** The liquidity events of a shard's markets. */
export const liquidityEvents = (stats: Stats): Derivation => {
  const open = new Map<MarketTape, MarketLiquidity>()
  return {
    open: async (tapes) => {
      for (const tape of tapes) {
        const liquidity = createMarketLiquidity(tape, stats)
        open.set(tape, liquidity)
        tape.listeners.push(liquidity, createRecordingEvents(tape))
      }
    },
    close: (tape) => void open.delete(tape),
    tick: ({ nowMs, isBehind, batch }) =>
      isBehind ? [] : [...open].filter(([, one]) => one.close(nowMs - LATE_MS, batch)).map(([tape]) => tape),
  }
}
