import { hash } from 'node:crypto'

/** Fields that the venue hashed: 6 until about Dec 2024, 9 until Oct 2025, 10 since (V2 markets add an eleventh). */
export type HashEra = 6 | 9 | 10

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

const headOf = ({ conditionId, token, timestamp, bids, asks }: BookHashInput): string =>
  `{"market":"${conditionId}","asset_id":"${token}","timestamp":"${timestamp}","hash":"",` +
  `"bids":[${bids}],"asks":[${asks}]`

const middleOf = ({ minOrderSize, tickSize, negRisk }: BookHashInput): string =>
  `,"min_order_size":"${minOrderSize}","tick_size":"${tickSize}","neg_risk":${String(negRisk)}`

/** All that the hash covers up to the value of `last_trade_price`, which is the last field but `version`. */
export const beforeLastTradePrice = (input: BookHashInput): string =>
  `${headOf(input)}${middleOf(input)},"last_trade_price":"`

/** What follows the value of `last_trade_price`. */
export const afterLastTradePrice = (version: BookHashInput['version']): string =>
  version === undefined ? '"}' : `","version":"${version}"}`

const textOf = (input: BookHashInput, era: HashEra): string => {
  switch (era) {
    case 6:
      return `${headOf(input)}}`
    case 9:
      return `${headOf(input)}${middleOf(input)}}`
    case 10:
      return `${beforeLastTradePrice(input)}${input.lastTradePrice}${afterLastTradePrice(input.version)}`
  }
}

/**
 * The venue's hash of an order book: lower-case hex SHA-1 of compact JSON with exactly these keys in this order:
 * market, asset_id, timestamp, hash (empty), bids (ascending price), asks (descending); from the 9-field era on
 * min_order_size, tick_size, neg_risk (boolean); from the 10-field era on last_trade_price; and `version` for V2
 * markets. Every `price_change` carries the hash of its token's book after the last change of its batch.
 * Source: recomputed from recorded books of all eras.
 */
export const bookHash = (input: BookHashInput, era: HashEra = 10): string => hash('sha1', textOf(input, era))
