import { toMillionths } from '../domain/decimal.ts'
import type { FillRow } from './batch.ts'

/** What tells fills apart. */
export type FillIdentity = Pick<
  FillRow,
  'outcomeId' | 'side' | 'priceText' | 'sizeText' | 'transactionHash' | 'exchangeTimeMs' | 'ordinal'
>

/**
 * Text that is the same for two rows exactly when they are the same fill (see `TradeOrdinals`). Prices by value: another
 * spelling of a decimal is no other fill.
 */
export const fillKey = (fill: FillIdentity): string => {
  const { outcomeId, side, priceText, sizeText, transactionHash, exchangeTimeMs, ordinal } = fill
  const where = transactionHash ?? `at ${exchangeTimeMs}`
  return `${where} ${outcomeId} ${side} ${toMillionths(priceText)} ${toMillionths(sizeText)} ${ordinal}`
}
