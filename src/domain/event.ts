import type { BookLevels, LevelChange } from './book.ts'
import type { Level } from './book-side.ts'
import type { Announcement } from './market-change.ts'

/** A whole book: first snapshot, post-trade book, or a REST answer. Absent fields were not sent. */
export type BookEvent = {
  type: 'book'
  conditionId: string
  token: string
  exchangeTimeMs: number
  /** The venue's own text of `exchangeTimeMs`: the hash is over it. */
  timestamp: string
  hash: string
  levels: BookLevels
  tickSize: string | undefined
  minOrderSize: string | undefined
  negRisk: boolean | undefined
  version: 'v2' | undefined
  lastTradePrice: string | undefined
}

/** A REST book brings every input of its hash; a websocket book lacks some. */
export const bringsInputs = ({ minOrderSize, tickSize, negRisk, lastTradePrice }: BookEvent): boolean =>
  minOrderSize !== undefined && tickSize !== undefined && negRisk !== undefined && lastTradePrice !== undefined

/** One element of a `price_change`: a level's new absolute size, and the book's best prices after the batch. */
export type PriceChange = LevelChange & { token: string; hash: string; bestBid: string; bestAsk: string }

export type PriceChangeEvent = {
  type: 'price_change'
  conditionId: string
  exchangeTimeMs: number
  timestamp: string
  changes: PriceChange[]
}

/** A trade as the market channel tells it: the taker's token and side; no trade id. */
export type TradeEvent = {
  type: 'trade'
  conditionId: string
  token: string
  takerSide: 'buy' | 'sell'
  level: Level
  exchangeTimeMs: number
  /** Lower case: by it the Data API's word of the same fill is found. */
  transactionHash: string | undefined
}

export type TickSizeEvent = { type: 'tick_size_change'; token: string; exchangeTimeMs: number; newTickSize: string }

export type BestBidAskEvent = {
  type: 'best_bid_ask'
  token: string
  exchangeTimeMs: number
  bestBid: string
  bestAsk: string
}

/** Broadcast to every connection, whatever its tokens: arrives once a connection. */
export type NewMarketEvent = {
  type: 'new_market'
  marketId: string
  announced: Announcement
  exchangeTimeMs: number
}

type MarketResolvedEvent = {
  type: 'market_resolved'
  marketId: string
  winningToken: string
  exchangeTimeMs: number
}

export type VenueEvent =
  | BookEvent
  | PriceChangeEvent
  | TradeEvent
  | TickSizeEvent
  | BestBidAskEvent
  | NewMarketEvent
  | MarketResolvedEvent

/**
 * Bad data is a value: `rejected` and `unknown` go to the dead letters with their raw text and are counted.
 * `breaksBook`: the text was, or may have been, an update of a book, which is therefore incomplete without it.
 */
export type Parsed =
  | { type: 'event'; event: VenueEvent }
  | { type: 'unknown'; detail: string }
  | { type: 'rejected'; detail: string; breaksBook: boolean }
