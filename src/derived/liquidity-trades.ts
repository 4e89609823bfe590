import { MILLION, toMillionths } from '../domain/decimal.ts'
import type { FillRow } from '../normalizer/batch.ts'
import type { LevelTrade } from './liquidity.ts'

/**
 * The level that a trade took from, in the book of the taker's outcome and in the other one's. It is told for the taker's
 * alone, but the makers stand in both: a buyer of one outcome at p meets its asks at p, which are the bids of the other
 * one at 1 - p.
 */
export const toLevelTrades = (fill: FillRow): { takers: LevelTrade; others: LevelTrade } => {
  const price = toMillionths(fill.priceText) ?? 0
  const size = toMillionths(fill.sizeText) ?? 0
  const timeMs = fill.capturedTimeMs
  const isBuy = fill.side === 'buy'
  return {
    takers: { timeMs, side: isBuy ? 'ask' : 'bid', price, size },
    others: { timeMs, side: isBuy ? 'bid' : 'ask', price: MILLION - price, size },
  }
}
