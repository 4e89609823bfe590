import type { LevelChange } from '../domain/book.ts'
import type { VenueMarket, VenueToken } from './market.ts'
import { bestBidAskText, changeText, lastTradeText, priceChangeText, tickSizeText, tradeBookText } from './texts.ts'
import type { Fill } from './texts.ts'

/** A frame on its way to the subscribers of `tokens`. */
export type VenueFrame = {
  type: 'price_change' | 'book' | 'last_trade_price' | 'best_bid_ask' | 'tick_size_change' | 'replayed'
  market: VenueMarket
  tokens: VenueToken[]
  /** Rows that each token's element costs a receiver that was undisturbed: 1 or 0 for a change, differing levels for a book. */
  rows: number[]
  /** Texts of the elements; empty where the frame has no elements. */
  elements: string[]
  text: string
  timestamp: string
}

/** One change, told from both sides: the buyer's token comes first. */
export type Change = { parts: { token: VenueToken; change: LevelChange }[]; isChanged: boolean }

/** To be called when the books are stamped: all frames of a batch carry the hash after its last change. */
export const priceChangeFrame = (market: VenueMarket, { parts, isChanged }: Change): VenueFrame => {
  const timestamp = market.tokens[0]?.timestamp ?? ''
  const elements = parts.map(({ token, change }) => changeText(token, change))
  const row = isChanged ? 1 : 0
  return {
    type: 'price_change',
    market,
    tokens: parts.map(({ token }) => token),
    rows: parts.map(() => row),
    elements,
    text: priceChangeText(market, elements, timestamp),
    timestamp,
  }
}

type Single = Pick<VenueFrame, 'type' | 'text' | 'timestamp'> & { token: VenueToken; rows: number }

const single = ({ token, rows, ...frame }: Single): VenueFrame => ({
  ...frame,
  market: token.market,
  tokens: [token],
  rows: [rows],
  elements: [],
})

export const tradeBookFrame = (token: VenueToken, rows: number): VenueFrame =>
  single({ type: 'book', token, rows, text: tradeBookText(token), timestamp: token.timestamp })

export const lastTradeFrame = (fill: Fill, timestamp: string): VenueFrame =>
  single({ type: 'last_trade_price', token: fill.token, rows: 0, text: lastTradeText(fill, timestamp), timestamp })

export const bestBidAskFrame = (token: VenueToken, timestamp: string): VenueFrame =>
  single({ type: 'best_bid_ask', token, rows: 0, text: bestBidAskText(token, timestamp), timestamp })

export const tickSizeFrame = (token: VenueToken, oldTickSize: string): VenueFrame =>
  single({
    type: 'tick_size_change',
    token,
    rows: 0,
    text: tickSizeText(token, oldTickSize, token.timestamp),
    timestamp: token.timestamp,
  })
