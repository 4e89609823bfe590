import type { Level, Side } from '../domain/book-side.ts'
import { fromMillionths, MILLION } from '../domain/decimal.ts'
import { levelOf, type VenueMarket, type VenueToken } from './market.ts'
import { applyMirrored, pairOf } from './orders.ts'
import { transactionHashOf, type Random } from './random.ts'
import type { Fill } from './texts.ts'
import type { TradeFaults } from './trade-faults.ts'

/** A taker's order that met the book. `levelCount` = levels of each token's book that it changed. */
export type Trade = { fills: Fill[]; levelCount: number }

const CENT = 10_000
/** Levels that one order meets, and those that stay on the side. */
const MOST_MET = 3
const LEAST_LEFT = 2

/** Levels that are met, best first: mostly a part of the best one, at times several. */
const sweepCount = (random: Random, available: number, sweepShare: number): number =>
  random.chance(sweepShare) ? Math.min(random.between(2, MOST_MET), available - LEAST_LEFT) : 1

const takenOf = (level: Level, isWhole: boolean, random: Random): number => {
  const cents = Math.round(level.size / CENT)
  return isWhole || cents < 4 ? cents : random.between(1, cents - 1)
}

/** One level met by two makers of the same size gives two fills that only their count tells apart. */
const split = (cents: number, random: Random, equalShare: number): number[] =>
  cents % 2 === 0 && random.chance(equalShare) ? [cents / 2, cents / 2] : [cents]

type Taker = { token: VenueToken; side: 'BUY' | 'SELL'; isFirst: boolean }

/** Who takes `side` of the first outcome's book: a buyer of one outcome or a seller of the other. */
const takerOf = ([first, second]: [VenueToken, VenueToken], side: Side, random: Random): Taker => {
  const isFirst = random.chance(0.5)
  return { token: isFirst ? first : second, side: (side === 'ask') === isFirst ? 'BUY' : 'SELL', isFirst }
}

/** Prices are pulled to the middle, or a long run would end at 0 or 1. */
const sideOf = (token: VenueToken, random: Random): Side => {
  const middle = (token.book.bids.best()?.price ?? 0) + (token.book.asks.best()?.price ?? MILLION)
  return random.chance(0.5 + (0.5 - middle / (2 * MILLION)) * 0.8) ? 'ask' : 'bid'
}

/** `timeMs`: the venue's clock. */
type TradeOptions = { faults: TradeFaults; timeMs: number }

/**
 * Meets the book and notes the market's last trade price. Which of p and 1 − p that is, two recorded trades could not
 * tell: here it is either.
 */
export const trade = (market: VenueMarket, random: Random, { faults, timeMs }: TradeOptions): Trade | undefined => {
  const pair = pairOf(market)
  if (pair === undefined) return undefined
  const side = sideOf(pair[0], random)
  const levels = pair[0].book.side(side).top(MOST_MET + LEAST_LEFT)
  if (levels.length < LEAST_LEFT + 1) return undefined
  const taker = takerOf(pair, side, random)
  const transactionHash = transactionHashOf(random, timeMs)
  const met = levels.slice(0, sweepCount(random, levels.length, faults.sweepShare))
  const fills = met.flatMap((level, at) => {
    const cents = takenOf(level, at < met.length - 1 || random.chance(0.2), random)
    const left = Math.round(level.size / CENT) - cents
    applyMirrored(market, { side, level: levelOf({ price: level.price, text: level.priceText }, left) })
    const price = fromMillionths(taker.isFirst ? level.price : MILLION - level.price)
    return split(cents, random, faults.equalShare).map((part): Fill => {
      return { token: taker.token, price, size: fromMillionths(part * CENT), side: taker.side, transactionHash }
    })
  })
  const last = met.at(-1)?.price ?? 0
  market.lastTradePrice = ((random.chance(0.5) ? last : MILLION - last) / MILLION).toFixed(3)
  return { fills, levelCount: met.length }
}
