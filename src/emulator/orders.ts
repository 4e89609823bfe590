import type { LevelChange } from '../domain/book.ts'
import type { Level, Side } from '../domain/book-side.ts'
import { MILLION } from '../domain/decimal.ts'
import type { Change } from './frame.ts'
import { levelOf, pricesOf, type VenueMarket, type VenueToken } from './market.ts'
import { mirrored, sizeCents } from './opening-book.ts'
import type { Random } from './random.ts'

const SAME_VALUE = 0.01
const IMPROVES = 0.08
const CANCELS = 0.25

/** The pair of a market: the flow needs both outcomes. */
export const pairOf = (market: VenueMarket): [VenueToken, VenueToken] | undefined => {
  const [first, second] = market.tokens
  return first === undefined || second === undefined ? undefined : [first, second]
}

/** Applies a change of the first outcome's book to both books. */
export const applyMirrored = (market: VenueMarket, { side, level }: LevelChange): Change | undefined => {
  const pair = pairOf(market)
  if (pair === undefined) return undefined
  const [first, second] = pair
  const change = { side, level }
  const other = mirrored(market, side, level)
  const isChanged = first.book.apply(change)
  second.book.apply(other)
  const parts = [
    { token: first, change },
    { token: second, change: other },
  ]
  return { parts: side === 'bid' ? parts : parts.toReversed(), isChanged }
}

const removal = (levels: Level[], random: Random, from: number): Level | undefined => {
  const level = levels[random.between(Math.min(from, levels.length - 1), levels.length - 1)]
  return level === undefined ? undefined : { ...level, size: 0, sizeText: '0' }
}

/** Tick index of the best price of a side; of the other side's neighbour where it is empty. */
const bestTick = (token: VenueToken, side: Side, step: number): number => {
  const direction = side === 'bid' ? -1 : 1
  const own = token.book.side(side).best()
  if (own !== undefined) return side === 'bid' ? Math.floor(own.price / step) : Math.ceil(own.price / step)
  const other = token.book.side(side === 'bid' ? 'ask' : 'bid').best()
  return Math.floor((other?.price ?? MILLION / 2) / step) + 2 * direction
}

const placement = (token: VenueToken, side: Side, levelCount: number, random: Random): LevelChange | undefined => {
  const prices = pricesOf(token.market.tickSize)
  const step = prices[1]?.price ?? MILLION
  const outward = side === 'bid' ? -1 : 1
  const best = bestTick(token, side, step)
  const depth = random.chance(IMPROVES) ? -1 : Math.floor(random.next() ** 2 * (levelCount + 3))
  const price = prices[best + depth * outward]
  if (price === undefined || price.price <= 0 || price.price >= MILLION) return undefined
  const opposite = token.book.side(side === 'bid' ? 'ask' : 'bid').best()
  const crosses = opposite !== undefined && (opposite.price - price.price) * outward >= 0
  if (crosses) return undefined
  const current = token.book.side(side).at(price.price)
  if (current !== undefined && random.chance(SAME_VALUE)) return { side, level: current }
  return { side, level: levelOf(price, sizeCents(random, Math.max(depth, 0))) }
}

/** An order placed, resized or cancelled, as a change of the first outcome's book. */
export const nextChange = (market: VenueMarket, levelCount: number, random: Random): LevelChange | undefined => {
  const [token] = market.tokens
  if (token === undefined) return undefined
  const side: Side = random.chance(0.5) ? 'bid' : 'ask'
  const count = token.book.side(side).count
  const isCrowded = count > levelCount + 2
  if (isCrowded || (count > levelCount - 3 && count > 2 && random.chance(CANCELS))) {
    const levels = token.book.side(side).top(0)
    const level = removal(levels, random, isCrowded ? Math.floor(levels.length / 2) : 0)
    return level === undefined ? undefined : { side, level }
  }
  return placement(token, side, levelCount, random)
}
