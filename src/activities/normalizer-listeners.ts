import type { Batch } from '../normalizer/batch.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import { createAlerts } from './normalizer-alerts.ts'
import type { NormalizerDeps } from './normalizer-deps.ts'
import { createMetrics } from './normalizer-metrics.ts'
import { liquidityEvents } from './normalizer-liquidity.ts'

/**
 * What was appended before `nowMs` is applied, however long the shard hung since. `isBehind`: entries wait, or may wait, so
 * that this is not known; `nowMs` is then the present.
 */
export type Tick = { nowMs: number; isBehind: boolean; batch: Batch }

/** Something that is derived from the markets of a shard while they are applied. */
export type Derivation = {
  /** Reads what was kept of these markets and adds its listeners to them, before their first entry is applied. */
  open: (tapes: MarketTape[]) => Promise<void>
  close: (tape: MarketTape) => void
  /** Puts into the batch what is due by time though no frame came; returns the tapes with whose offsets it commits. */
  tick: (tick: Tick) => MarketTape[]
}

/** One line each. */
const derivations = (deps: NormalizerDeps): Derivation[] => [
  liquidityEvents(deps.stats),
  createAlerts(deps),
  createMetrics(deps),
]

/** All that is derived in a shard, as one. */
export const createListening = (deps: NormalizerDeps): Derivation => {
  const all = derivations(deps)
  return {
    open: async (tapes) => {
      for (const { open } of all) await open(tapes)
    },
    close: (tape) => {
      for (const { close } of all) close(tape)
    },
    tick: (tick) => all.flatMap((one) => one.tick(tick)),
  }
}
