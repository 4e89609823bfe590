const GOLDEN_RATIO = 0.618_033_988_749_895

/**
 * A time of its own for each market, from 0 to `spreadMs`: what falls due for all of them at one instant comes spread over
 * it. Ids of neighbours lie far apart.
 */
export const phaseOf = (marketId: string, spreadMs: number): number =>
  Math.floor(((Number(marketId) * GOLDEN_RATIO) % 1) * spreadMs)
