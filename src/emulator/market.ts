import { bookHash, type BookHashInput } from '../domain/book-hash.ts'
import { Book } from '../domain/book.ts'
import type { Level } from '../domain/book-side.ts'
import { fromMillionths, MILLION, toMillionths } from '../domain/decimal.ts'
import type { Connection } from './connection.ts'

/** One outcome's book as the venue knows it: the truth, whatever was sent of it. */
export type VenueToken = {
  token: string
  outcome: string
  market: VenueMarket
  book: Book
  /** Kept and overwritten: to spread the identity into a new object at each hash costs twice the hash (Node 20). */
  hashInput: BookHashInput
  /** Hash and timestamp (epoch ms as text) of the last change of the book. */
  hash: string
  timestamp: string
}

export type VenueMarket = {
  marketId: string
  conditionId: string
  questionId: string
  slug: string
  question: string
  eventId: string
  /** Slugs of the event's tags, and of the series that it belongs to. */
  tags: string[]
  series: string | undefined
  /** Two; one only in a replay that shows no more. */
  tokens: VenueToken[]
  tickSize: string
  minOrderSize: string
  negRisk: boolean
  version: 'v2' | undefined
  /** Of the market, so the same for both tokens; 3 decimals, `""` when never traded. */
  lastTradePrice: string
  /** No more trading, no more books. */
  closed: boolean
  /** What Gamma shows of it, which may lag what the sockets were told. */
  listed: 'open' | 'closed' | 'resolved'
  /** Of each outcome; undefined while it is not resolved. */
  payouts: string[] | undefined
  volume24hr: number
  createdTimeMs: number
  /** Until then CLOB has no book of it, though Gamma shows it: minutes, for a new market of the venue. */
  bookFromTimeMs: number
  endTimeMs: number
  /** Connections that are subscribed to one of its tokens. */
  subscribers: Connection[]
}

export type MarketSeed = Omit<VenueMarket, 'tokens' | 'subscribers'> & { tokens: { token: string; outcome: string }[] }

export const createMarket = (seed: MarketSeed): VenueMarket => {
  const market: VenueMarket = { ...seed, tokens: [], subscribers: [] }
  market.tokens = seed.tokens.map(({ token, outcome }) => {
    const { conditionId, minOrderSize, tickSize, negRisk, version } = seed
    const identity = { conditionId, token, minOrderSize, tickSize, negRisk, version }
    const hashInput = { ...identity, timestamp: '', bids: '', asks: '', lastTradePrice: '' }
    return { token, outcome, market, book: new Book(identity), hashInput, hash: '', timestamp: '' }
  })
  return market
}

export const eventSlugOf = ({ eventId }: VenueMarket): string => `event-${eventId}`

/** Notes a change of the books at `timestamp`: both tokens share it, as their books mirror each other. */
export const stamp = (market: VenueMarket, timestamp: string): void => {
  for (const token of market.tokens) {
    const input = token.hashInput
    input.timestamp = timestamp
    input.bids = token.book.bids.json()
    input.asks = token.book.asks.json()
    input.lastTradePrice = market.lastTradePrice
    token.timestamp = timestamp
    token.hash = bookHash(input)
  }
}

export const setTickSize = (market: VenueMarket, tickSize: string): void => {
  market.tickSize = tickSize
  for (const token of market.tokens) {
    token.book.identity = { ...token.book.identity, tickSize }
    token.hashInput.tickSize = tickSize
  }
}

const priceTables = new Map<string, { price: number; text: string }[]>()

/** Prices by tick, 0 … 1: computed once a tick size. */
export const pricesOf = (tickSize: string): { price: number; text: string }[] => {
  const known = priceTables.get(tickSize)
  if (known !== undefined) return known
  const tick = toMillionths(tickSize) ?? MILLION / 100
  const table = Array.from({ length: Math.round(MILLION / tick) + 1 }, (_, at) => ({
    price: at * tick,
    text: fromMillionths(at * tick),
  }))
  priceTables.set(tickSize, table)
  return table
}

/** Sizes of the flow are whole cents: `918.34`, `270`. */
export const levelOf = (price: { price: number; text: string }, cents: number): Level => {
  const size = cents * 10_000
  const sizeText = cents % 100 === 0 ? String(cents / 100) : fromMillionths(size)
  return { price: price.price, size, priceText: price.text, sizeText }
}

/** An empty side is told as 0 or 1. */
export const bestBidText = (token: VenueToken): string => token.book.bids.best()?.priceText ?? '0'
export const bestAskText = (token: VenueToken): string => token.book.asks.best()?.priceText ?? '1'
