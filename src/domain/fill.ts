/** Who told of a fill so far. */
export type FillSource = 'market_channel' | 'data_api' | 'both'

/** A stored fill that is new, or that became confirmed: what the channel `fills` tells. Decimals as Postgres has them. */
export type FillNews = {
  fillId: string
  marketId: string
  outcomeId: string
  side: 'buy' | 'sell'
  priceText: string
  sizeText: string
  transactionHash: string | undefined
  ordinal: number
  /** Known where the Data API told of it. */
  wallet: string | undefined
  source: FillSource
  status: 'provisional' | 'confirmed'
  exchangeTimeMs: number
  capturedTimeMs: number
}
