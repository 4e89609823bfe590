import type { LevelChange } from '../domain/book.ts'
import { fromMillionths } from '../domain/decimal.ts'
import { bestAskText, bestBidText, type VenueMarket, type VenueToken } from './market.ts'

/**
 * Texts of the market channel, byte for byte as the venue's: the first dump is compact JSON with a line feed, later
 * frames have `", "` between items and no space after a colon.
 */
const spaced = (levels: string): string => levels.replaceAll('","', '", "').replaceAll('},{', '}, {')

const versionOf = (market: VenueMarket): string =>
  market.version === undefined ? '' : `,"version":"${market.version}"`

const snapshotText = (token: VenueToken): string =>
  `{"market":"${token.market.conditionId}","asset_id":"${token.token}","timestamp":"${token.timestamp}",` +
  `"hash":"${token.hash}","bids":[${token.book.bids.json()}],"asks":[${token.book.asks.json()}],` +
  `"tick_size":"${token.market.tickSize}","event_type":"book",` +
  `"last_trade_price":"${token.market.lastTradePrice}"${versionOf(token.market)}}`

export const dumpText = (tokens: VenueToken[]): string => `[${tokens.map(snapshotText).join(',')}]\n`

/** Answer of CLOB `/book`: the key order of the hash. */
export const restBookText = (token: VenueToken): string =>
  `{"market":"${token.market.conditionId}","asset_id":"${token.token}","timestamp":"${token.timestamp}",` +
  `"hash":"${token.hash}","bids":[${token.book.bids.json()}],"asks":[${token.book.asks.json()}],` +
  `"min_order_size":"${token.market.minOrderSize}","tick_size":"${token.market.tickSize}",` +
  `"neg_risk":${String(token.market.negRisk)},"last_trade_price":"${token.market.lastTradePrice}"` +
  `${versionOf(token.market)}}`

/** A post-trade book: no tick size, no last trade price. */
export const tradeBookText = (token: VenueToken): string =>
  `{"market":"${token.market.conditionId}", "asset_id":"${token.token}", ` +
  `"bids":[${spaced(token.book.bids.json())}], "asks":[${spaced(token.book.asks.json())}], ` +
  `"hash":"${token.hash}", "timestamp":"${token.timestamp}", "event_type":"book"}`

/** One element of a price_change; hash and best prices are those after the whole batch. */
export const changeText = (token: VenueToken, change: LevelChange): string =>
  `{"asset_id":"${token.token}", "price":"${change.level.priceText}", "size":"${change.level.sizeText}", ` +
  `"side":"${change.side === 'bid' ? 'BUY' : 'SELL'}", "hash":"${token.hash}", ` +
  `"best_bid":"${bestBidText(token)}", "best_ask":"${bestAskText(token)}"}`

export const priceChangeText = (market: VenueMarket, elements: string[], timestamp: string): string =>
  `{"market":"${market.conditionId}", "price_changes":[${elements.join(', ')}], ` +
  `"timestamp":"${timestamp}", "event_type":"price_change"}`

export type Fill = {
  token: VenueToken
  price: string
  size: string
  side: 'BUY' | 'SELL'
  transactionHash: string
}

export const lastTradeText = (fill: Fill, timestamp: string): string =>
  `{"market":"${fill.token.market.conditionId}", "asset_id":"${fill.token.token}", "price":"${fill.price}", ` +
  `"size":"${fill.size}", "fee_rate_bps":"0", "side":"${fill.side}", "timestamp":"${timestamp}", ` +
  `"event_type":"last_trade_price", "transaction_hash":"${fill.transactionHash}"}`

export const bestBidAskText = (token: VenueToken, timestamp: string): string => {
  const bid = token.book.bids.best()?.price ?? 0
  const ask = token.book.asks.best()?.price ?? 1_000_000
  return (
    `{"market":"${token.market.conditionId}", "asset_id":"${token.token}", "best_bid":"${bestBidText(token)}", ` +
    `"best_ask":"${bestAskText(token)}", "spread":"${fromMillionths(ask - bid)}", "timestamp":"${timestamp}", ` +
    `"event_type":"best_bid_ask"}`
  )
}

export const tickSizeText = (token: VenueToken, oldTickSize: string, timestamp: string): string =>
  `{"market":"${token.market.conditionId}", "asset_id":"${token.token}", "old_tick_size":"${oldTickSize}", ` +
  `"new_tick_size":"${token.market.tickSize}", "timestamp":"${timestamp}", "event_type":"tick_size_change"}`
