import { bestBidAskFrame, priceChangeFrame, tradeBookFrame, type Change } from './frame.ts'
import type { LateTrades } from './late-trades.ts'
import { bestAskText, bestBidText, stamp, type VenueMarket } from './market.ts'
import { applyMirrored, nextChange } from './orders.ts'
import type { Outbox } from './outbox.ts'
import type { Random } from './random.ts'
import type { TradeFaults } from './trade-faults.ts'
import { trade } from './trades.ts'

export type ActionOptions = {
  outbox: Outbox
  late: LateTrades
  /** Levels a side that the flow keeps to. */
  levelCount: number
  /** Share of actions that are trades. */
  tradeShare: number
  tradeFaults: TradeFaults
  /** The engine's clock of a market, which never runs backwards: price changes are monotone. */
  engineTime: (market: VenueMarket) => string
}

/** Most actions change one level, some up to eight at once. */
const batchSize = (random: Random): number => (random.chance(0.75) ? 1 : random.between(2, 8))

const quoteOf = (market: VenueMarket): string[] =>
  market.tokens.map((token) => `${bestBidText(token)} ${bestAskText(token)}`)

/** First the quote, then the change that moved it; not for every change, and at times a millisecond ahead. */
const sendQuotes = (market: VenueMarket, before: string[], random: Random, outbox: Outbox): number => {
  const after = quoteOf(market)
  let sentCount = 0
  for (const [at, token] of market.tokens.entries()) {
    if (before[at] === after[at] || random.chance(0.2)) continue
    const timestamp = String(Number(token.timestamp) + (random.chance(0.2) ? 1 : 0))
    sentCount += outbox.deliver(bestBidAskFrame(token, timestamp))
  }
  return sentCount
}

/** Orders placed, resized or cancelled at one instant: n frames with one timestamp and the hash after the last of them. */
export const orderBatch = (market: VenueMarket, random: Random, options: ActionOptions): number => {
  const hearsQuotes = market.subscribers.some((connection) => connection.isCustom)
  const before = hearsQuotes ? quoteOf(market) : []
  const changes: Change[] = []
  for (let left = batchSize(random); left > 0; left--) {
    const change = nextChange(market, options.levelCount, random)
    const applied = change === undefined ? undefined : applyMirrored(market, change)
    if (applied !== undefined) changes.push(applied)
  }
  if (changes.length === 0) return 0
  stamp(market, options.engineTime(market))
  let sentCount = hearsQuotes ? sendQuotes(market, before, random, options.outbox) : 0
  for (const change of changes) sentCount += options.outbox.deliver(priceChangeFrame(market, change))
  return sentCount
}

/** A taker's order: the books of both outcomes at once, its fills later. */
export const takerOrder = (market: VenueMarket, random: Random, options: ActionOptions): number => {
  const timestamp = options.engineTime(market)
  const done = trade(market, random, { faults: options.tradeFaults, timeMs: Number(timestamp) })
  if (done === undefined) return 0
  stamp(market, timestamp)
  options.late.add(done.fills, random)
  let sentCount = 0
  for (const token of market.tokens) sentCount += options.outbox.deliver(tradeBookFrame(token, done.levelCount))
  return sentCount
}
