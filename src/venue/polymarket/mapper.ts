import { z } from 'zod'
import type { BookLevels } from '../../domain/book.ts'
import type { Level, Side } from '../../domain/book-side.ts'
import { MILLION, toMillionths } from '../../domain/decimal.ts'
import type { BookEvent, NewMarketEvent, Parsed, PriceChange, VenueEvent } from '../../domain/event.ts'
import { isPriceChange } from './price-change.ts'
import { EVENT_TYPES, marketMessage, restBook, type BookMessage, type MarketMessage } from './messages.ts'

/** Data that fits the schema but not the domain; caught below and turned into a `rejected` value. */
class NotOfTheDomain extends Error {}

const toLevel = (priceText: string, sizeText: string): Level => {
  const price = toMillionths(priceText)
  const size = toMillionths(sizeText)
  if (price === undefined || price > MILLION) throw new NotOfTheDomain(`price "${priceText}" is not within 0 and 1`)
  if (size === undefined) throw new NotOfTheDomain(`size "${sizeText}" is not a decimal with at most 6 places`)
  return { price, size, priceText, sizeText }
}

const toTickSize = (text: string): string => {
  const tickSize = toMillionths(text)
  if (tickSize !== undefined && tickSize > 0 && tickSize < MILLION) return text
  throw new NotOfTheDomain(`tick size "${text}" is not between 0 and 1`)
}

const toSide = (text: string): 'buy' | 'sell' => {
  const side = text.toLowerCase()
  if (side === 'buy' || side === 'sell') return side
  throw new NotOfTheDomain(`side "${text}" is neither BUY nor SELL`)
}

const toBookSide = (text: string): Side => (toSide(text) === 'buy' ? 'bid' : 'ask')

/** The finest tick leaves 9,999 prices. The rows of one event share a space of 65,536 ids: two such books fit. */
const MOST_LEVELS = 16_000

const toLevels = (message: BookMessage): BookLevels => {
  const convert = (levels: { price: string; size: string }[] = []): Level[] => {
    if (levels.length > MOST_LEVELS) throw new NotOfTheDomain(`${levels.length} levels on one side of a book`)
    return levels.map((level) => toLevel(level.price, level.size)).filter((level) => level.size > 0)
  }
  return { bids: convert(message.bids ?? message.buys), asks: convert(message.asks ?? message.sells) }
}

const toBook = (message: BookMessage): BookEvent => ({
  type: 'book',
  conditionId: message.market,
  token: message.asset_id,
  exchangeTimeMs: Number(message.timestamp),
  timestamp: message.timestamp,
  hash: message.hash,
  levels: toLevels(message),
  tickSize: message.tick_size,
  minOrderSize: message.min_order_size,
  negRisk: message.neg_risk,
  version: message.version,
  lastTradePrice: message.last_trade_price,
})

type Message<T extends MarketMessage['event_type']> = Extract<MarketMessage, { event_type: T }>

const toChange = (element: Message<'price_change'>['price_changes'][number]): PriceChange => ({
  side: toBookSide(element.side),
  level: toLevel(element.price, element.size),
  token: element.asset_id,
  hash: element.hash,
  bestBid: element.best_bid,
  bestAsk: element.best_ask,
})

/** More tags than any market has, and longer ones, would only be in the way. */
const MOST_TAGS = 50
const LONGEST_TAG = 100

const toFeeBps = ({ fees_enabled, fee_schedule, taker_base_fee }: Message<'new_market'>): number | undefined => {
  const rate = fees_enabled === true ? fee_schedule?.rate : undefined
  const said = rate === undefined ? taker_base_fee : Math.round(rate * 1e8) / 1e4
  return said !== undefined && said >= 0 && said < 1e5 ? said : undefined
}

/** `active` is false in most of them: the market does not trade yet, which does not mean that it was closed. */
const toNewMarket = (message: Message<'new_market'>): NewMarketEvent => ({
  type: 'new_market',
  exchangeTimeMs: Number(message.timestamp),
  marketId: message.id,
  announced: {
    conditionId: message.market,
    slug: message.slug,
    question: message.question,
    tickSize:
      message.order_price_min_tick_size === undefined ? undefined : toTickSize(message.order_price_min_tick_size),
    feeBps: toFeeBps(message),
    version: undefined,
    eventSlug: message.event_message?.slug,
    tags: message.tags.filter((tag) => tag.length <= LONGEST_TAG).slice(0, MOST_TAGS),
  },
})

const toTrade = (message: Message<'last_trade_price'>): VenueEvent => ({
  type: 'trade',
  conditionId: message.market,
  token: message.asset_id,
  takerSide: toSide(message.side),
  level: toLevel(message.price, message.size),
  exchangeTimeMs: Number(message.timestamp),
  transactionHash: message.transaction_hash === '' ? undefined : message.transaction_hash?.toLowerCase(),
})

const toEvent = (message: MarketMessage): VenueEvent => {
  const exchangeTimeMs = Number(message.timestamp)
  switch (message.event_type) {
    case 'book':
      return toBook(message)
    case 'price_change':
      return {
        type: 'price_change',
        conditionId: message.market,
        exchangeTimeMs,
        timestamp: message.timestamp,
        changes: message.price_changes.map(toChange),
      }
    case 'last_trade_price':
      return toTrade(message)
    case 'tick_size_change':
      return {
        type: 'tick_size_change',
        token: message.asset_id,
        exchangeTimeMs,
        newTickSize: toTickSize(message.new_tick_size),
      }
    case 'best_bid_ask':
      return {
        type: 'best_bid_ask',
        token: message.asset_id,
        exchangeTimeMs,
        bestBid: message.best_bid,
        bestAsk: message.best_ask,
      }
    case 'new_market':
      return toNewMarket(message)
    case 'market_resolved':
      return { type: 'market_resolved', marketId: message.id, winningToken: message.winning_asset_id, exchangeTimeMs }
  }
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const eventTypeOf = (value: unknown): string | undefined => {
  if (typeof value !== 'object' || value === null || !('event_type' in value)) return undefined
  return typeof value.event_type === 'string' ? value.event_type : undefined
}

const explain = (error: unknown): string => {
  if (error instanceof z.ZodError) {
    return error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
  }
  return error instanceof Error ? error.message : String(error)
}

const BOOK_TYPES = new Set([undefined, 'book', 'price_change'])

/**
 * One websocket element (text as received) to a domain event.
 *
 * @returns `unknown` for an event type that polytape does not know, `rejected` for text that is not JSON, misses a
 *   field, or has numbers outside the domain. Never throws on data.
 */
export const parseMarketMessage = (text: string): Parsed => {
  const value = parseJson(text)
  if (value === undefined) return { type: 'rejected', detail: 'not JSON', breaksBook: true }
  const eventType = eventTypeOf(value)
  if (eventType === undefined) return { type: 'rejected', detail: 'no event_type', breaksBook: true }
  if (!EVENT_TYPES.has(eventType)) return { type: 'unknown', detail: `event type "${eventType}"` }
  try {
    return { type: 'event', event: toEvent(isPriceChange(value) ? value : marketMessage.parse(value)) }
  } catch (error) {
    return { type: 'rejected', detail: explain(error), breaksBook: BOOK_TYPES.has(eventType) }
  }
}

/** One book of a REST `/book` or `/books` answer (it has no `event_type`). */
export const parseRestBook = (text: string): Parsed => {
  try {
    return { type: 'event', event: toBook(restBook.parse(JSON.parse(text))) }
  } catch (error) {
    return { type: 'rejected', detail: explain(error), breaksBook: false }
  }
}
