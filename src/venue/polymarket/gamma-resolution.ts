import { MILLION, toMillionths } from '../../domain/decimal.ts'
import type { Resolution } from '../../domain/market.ts'

/** What Gamma says of a market's end; the rest of its object is in gamma-market.ts. */
export type Ending = {
  closed: boolean
  outcomes: string[]
  outcomePrices?: string[] | undefined
  umaResolutionStatus?: string | undefined
  closedTime?: string | undefined
  umaEndDate?: string | undefined
}

const FINAL_STATUSES: ReadonlySet<string> = new Set(['resolved', 'settled'])
/** Where UMA has no word only these are payouts; anything else is where trading stopped. */
const PLAIN_PAYOUTS: ReadonlySet<string> = new Set(['0', '0.5', '1'])

/** Scalar markets of 2020 have 34 digits (`0.5843311669077693146635445446077281`); six are kept. */
const toPayout = (text: string): string | undefined => {
  const [whole = '', fraction = ''] = text.split('.')
  const kept = fraction.slice(0, 6).replace(/0+$/, '')
  const payout = kept === '' ? whole : `${whole}.${kept}`
  return toMillionths(payout) === undefined || /\D/.test(fraction) ? undefined : payout
}

/** What an outcome's payout loses by the digits that are not kept. */
const CUT = 1

const areWhole = (payouts: string[]): boolean => {
  const parts = payouts.map((payout) => toMillionths(payout) ?? MILLION + 1)
  const sum = parts.reduce((total, part) => total + part, 0)
  return parts.every((part) => part <= MILLION) && Math.abs(sum - MILLION) <= CUT * parts.length
}

const payoutsOf = ({ closed, outcomes, outcomePrices = [], umaResolutionStatus }: Ending): string[] | undefined => {
  if (!closed || outcomePrices.length === 0 || outcomePrices.length !== outcomes.length) return undefined
  const payouts = outcomePrices.map(toPayout).filter((payout) => payout !== undefined)
  if (payouts.length !== outcomePrices.length || !areWhole(payouts)) return undefined
  const isFinal =
    umaResolutionStatus === undefined
      ? payouts.every((payout) => PLAIN_PAYOUTS.has(payout))
      : FINAL_STATUSES.has(umaResolutionStatus)
  return isFinal ? payouts : undefined
}

/** `2026-07-24 00:00:16+00` is not ISO: no `T`, and an offset without minutes. */
const timeOf = (text: string | undefined): number | undefined => {
  const timeMs = Date.parse(text?.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00') ?? '')
  return Number.isNaN(timeMs) ? undefined : timeMs
}

/**
 * Final payouts: the market is closed, each outcome has a price, they sum to 1, and UMA has settled (not only `proposed`
 * or `disputed`) or, where it is not asked, the prices are plain ones. `["0", "0"]` (seen on markets of 2020) and the last
 * prices of a market that only closed are none.
 */
export const resolutionOf = (ending: Ending): Resolution | undefined => {
  const payouts = payoutsOf(ending)
  if (payouts === undefined) return undefined
  return { payouts, resolvedTimeMs: timeOf(ending.closedTime) ?? timeOf(ending.umaEndDate) }
}
