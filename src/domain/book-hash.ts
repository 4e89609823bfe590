import { hash } from 'node:crypto'

/** Inputs of the venue's book hash. Texts exactly as received; `bids` and `asks` are level JSON, worst first. */
export type BookHashInput = {
  conditionId: string
  token: string
  /** Epoch ms as text. */
  timestamp: string
  bids: string
  asks: string
  minOrderSize: string
  tickSize: string
  negRisk: boolean
  /** 3 (or 4) decimals, `""` when the market never traded. */
  lastTradePrice: string
  version: 'v2' | undefined
}

/**
 * The venue's hash of an order book: lower-case hex SHA-1 of compact JSON with exactly these keys in this order:
 * market, asset_id, timestamp, hash (empty), bids (ascending price), asks (descending), min_order_size, tick_size,
 * neg_risk (boolean), last_trade_price, and `version` for V2 markets only. Source: 45 recorded vectors.
 */
export const bookHash = (input: BookHashInput): string => {
  const version = input.version === undefined ? '' : `,"version":"${input.version}"`
  const text =
    `{"market":"${input.conditionId}","asset_id":"${input.token}","timestamp":"${input.timestamp}","hash":"",` +
    `"bids":[${input.bids}],"asks":[${input.asks}],"min_order_size":"${input.minOrderSize}",` +
    `"tick_size":"${input.tickSize}","neg_risk":${String(input.negRisk)},` +
    `"last_trade_price":"${input.lastTradePrice}"${version}}`
  return hash('sha1', text)
}
