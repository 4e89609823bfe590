import { MILLION } from '../domain/decimal.ts'
import { eventSlugOf, type VenueMarket } from './market.ts'

/**
 * Gamma's objects with the field types of 292 recorded ones: lists are JSON in a string, ticks and sizes are JSON
 * numbers, `closedTime` is not ISO.
 */
const isoSeconds = (timeMs: number): string => new Date(timeMs).toISOString().replace(/\.\d+Z$/, 'Z')

/** `2026-07-24 00:00:16+00` */
const closedTimeText = (timeMs: number): string => isoSeconds(timeMs).replace('T', ' ').replace('Z', '+00')

/** Python's `json.dumps` of a list of texts: a space after the comma. */
const listText = (texts: string[]): string => `[${texts.map((text) => JSON.stringify(text)).join(', ')}]`

const pricesOf = (market: VenueMarket): string[] => {
  if (market.listed === 'resolved' && market.payouts !== undefined) return market.payouts
  const { bids, asks } = market.tokens[0]?.book ?? {}
  const middle = ((bids?.best()?.price ?? 0) + (asks?.best()?.price ?? MILLION)) / 2 / MILLION
  return market.tokens.map((_, at) => String(Math.round((at === 0 ? middle : 1 - middle) * 10_000) / 10_000))
}

const quoteOf = (market: VenueMarket): Record<string, number> => {
  const bid = market.tokens[0]?.book.bids.best()
  const ask = market.tokens[0]?.book.asks.best()
  return {
    ...(bid === undefined ? {} : { bestBid: bid.price / MILLION }),
    ...(ask === undefined ? {} : { bestAsk: ask.price / MILLION }),
    ...(market.lastTradePrice === '' ? {} : { lastTradePrice: Number(market.lastTradePrice) }),
  }
}

const resolutionOf = (market: VenueMarket): Record<string, unknown> =>
  market.listed !== 'open'
    ? {
        closedTime: closedTimeText(market.endTimeMs + 16_000),
        umaEndDate: isoSeconds(market.endTimeMs + 16_000),
        umaResolutionStatus: market.listed === 'resolved' ? 'resolved' : 'proposed',
        automaticallyResolved: market.listed === 'resolved',
      }
    : {}

/** A number for a slug: Gamma's tags and series have ids of their own. */
const idOf = (slug: string): string => {
  let id = 0
  for (const letter of slug) id = (id * 31 + letter.charCodeAt(0)) % 1_000_003
  return String(id)
}

export const gammaTag = (slug: string): Record<string, unknown> => ({ id: idOf(slug), label: slug, slug })

export const gammaSeries = (slug: string): Record<string, unknown> => ({
  id: idOf(slug),
  ticker: slug,
  slug,
  title: slug,
  active: true,
  closed: false,
})

const eventHead = (market: VenueMarket): Record<string, unknown> => ({
  id: market.eventId,
  ticker: eventSlugOf(market),
  slug: eventSlugOf(market),
  title: `Event ${market.eventId}`,
})

/** Dollars that rest in the book: what bids offer, and what the shares of the asks cost on the other side. */
export const liquidityOf = ({ tokens }: VenueMarket): number => {
  const { bids, asks } = tokens[0]?.book.top(0) ?? { bids: [], asks: [] }
  const bid = bids.reduce((sum, { price, size }) => sum + (price / MILLION) * (size / MILLION), 0)
  const ask = asks.reduce((sum, { price, size }) => sum + (1 - price / MILLION) * (size / MILLION), 0)
  return Math.round((bid + ask) * 10_000) / 10_000
}

const volumesOf = ({ volume24hr }: VenueMarket, liquidity: number): Record<string, unknown> => ({
  volume: String(volume24hr),
  volumeNum: volume24hr,
  volumeClob: volume24hr,
  volume24hr,
  volume1wk: volume24hr,
  liquidity: String(liquidity),
  liquidityNum: liquidity,
})

export const gammaMarket = (market: VenueMarket): Record<string, unknown> => ({
  id: market.marketId,
  question: market.question,
  conditionId: market.conditionId,
  slug: market.slug,
  endDate: isoSeconds(market.endTimeMs),
  startDate: new Date(market.createdTimeMs).toISOString(),
  createdAt: new Date(market.createdTimeMs).toISOString(),
  updatedAt: new Date(market.createdTimeMs + 1_000).toISOString(),
  acceptingOrdersTimestamp: isoSeconds(market.createdTimeMs),
  description: `This market will resolve according to the answer to "${market.question}"`,
  outcomes: listText(market.tokens.map(({ outcome }) => outcome)),
  outcomePrices: listText(pricesOf(market)),
  clobTokenIds: listText(market.tokens.map(({ token }) => token)),
  ...volumesOf(market, liquidityOf(market)),
  ...quoteOf(market),
  active: true,
  closed: market.listed !== 'open',
  archived: false,
  restricted: true,
  acceptingOrders: market.listed === 'open',
  enableOrderBook: true,
  questionID: market.questionId,
  negRisk: market.negRisk,
  ...(market.negRisk ? { negRiskMarketID: market.questionId, negRiskRequestID: market.questionId } : {}),
  orderMinSize: Number(market.minOrderSize),
  orderPriceMinTickSize: Number(market.tickSize),
  makerBaseFee: 1000,
  takerBaseFee: 1000,
  feesEnabled: true,
  feeType: 'crypto_fees_v2',
  feeSchedule: { rate: 0.07, exponent: 1, takerOnly: true, rebateRate: 0.2 },
  umaResolutionStatuses: '[]',
  ...resolutionOf(market),
  ...(market.version === 'v2' ? { positionIds: listText(market.tokens.map(({ token }) => token)) } : {}),
  events: [eventHead(market)],
})

/** `markets` are those of one event. */
export const gammaEvent = (markets: VenueMarket[]): Record<string, unknown> => {
  const [first] = markets
  if (first === undefined) return {}
  return {
    ...eventHead(first),
    tags: first.tags.map(gammaTag),
    series: first.series === undefined ? [] : [gammaSeries(first.series)],
    active: true,
    closed: markets.every((market) => market.listed !== 'open'),
    negRisk: first.negRisk,
    volume24hr: markets.reduce((sum, market) => sum + market.volume24hr, 0),
    markets: markets.map((market) => {
      const { events: _, ...rest } = gammaMarket(market)
      return rest
    }),
  }
}
