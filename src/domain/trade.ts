/**
 * A fill as the Data API tells it: the taker's token, side and wallet. `ordinal` numbers equal fills (transaction, token,
 * side, price, size by value) within one scan, from 0; of several scans the highest count is the truth.
 */
export type DataTrade = {
  conditionId: string
  token: string
  /** Lower case. */
  wallet: string | undefined
  takerSide: 'buy' | 'sell'
  priceText: string
  sizeText: string
  /** Whole seconds. */
  exchangeTimeMs: number
  transactionHash: string
  ordinal: number
  source: 'data_api'
}

type DataActivityType = 'split' | 'merge' | 'redeem' | 'conversion'

/** What a wallet did to its holdings other than by trades. `sizeText` in shares, `usdcText` in dollars. */
export type DataActivity = {
  type: DataActivityType
  /** Empty where the venue names none: a conversion concerns several markets. */
  conditionId: string
  /** Lower case. */
  wallet: string
  sizeText: string
  usdcText: string
  outcomeIndex: number | undefined
  /** Whole seconds. */
  exchangeTimeMs: number
  transactionHash: string
  /** Numbers equal ones within one scan, as for trades. */
  ordinal: number
}

/** Bad elements are values: they go to the dead letters with their raw text. */
export type ParsedDataTrade = { type: 'trade'; trade: DataTrade } | { type: 'rejected'; detail: string }
export type ParsedDataActivity = { type: 'activity'; activity: DataActivity } | { type: 'rejected'; detail: string }

/** A stored fill whose wallet became known: each exactly once ever. */
export type AttributedFill = {
  fillId: string
  marketId: string
  outcomeId: string
  wallet: string
  side: 'buy' | 'sell'
  priceText: string
  sizeText: string
  exchangeTimeMs: number
  ordinal: number
}
