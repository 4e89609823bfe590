import type { Level, Side } from '../domain/book-side.ts'
import { fromMillionths, MILLION } from '../domain/decimal.ts'
import { levelOf, pricesOf, type VenueMarket } from './market.ts'
import type { Random } from './random.ts'

/** Mostly round sizes, some in cents; deeper levels are larger. */
export const sizeCents = (random: Random, depth: number): number => {
  const scale = 1 + depth
  return random.chance(0.4) ? random.between(1, 40) * 500 * scale : random.between(500, 60_000) * scale
}

const mirror = (market: VenueMarket, level: Level): Level => {
  const price = MILLION - level.price
  const prices = pricesOf(market.tickSize)
  const onGrid = prices[price / (prices[1]?.price ?? MILLION)]
  return { price, size: level.size, priceText: onGrid?.text ?? fromMillionths(price), sizeText: level.sizeText }
}

/** The same order seen from the other token: a bid at p is an ask at 1 − p. */
export const mirrored = (market: VenueMarket, side: Side, level: Level): { side: Side; level: Level } => ({
  side: side === 'bid' ? 'ask' : 'bid',
  level: mirror(market, level),
})

/** Fills both books with about `levelCount` levels a side around a price of the market's own. */
export const createBooks = (market: VenueMarket, levelCount: number, random: Random): void => {
  const prices = pricesOf(market.tickSize)
  const room = Math.min(levelCount + 4, Math.floor(prices.length / 2) - 3)
  const middle = random.between(room + 1, prices.length - room - 2)
  const side = (direction: 1 | -1): Level[] => {
    const levels: Level[] = []
    for (let depth = 0; levels.length < levelCount; depth++) {
      const price = prices[middle + direction * (depth + 1)]
      if (price === undefined || price.price <= 0 || price.price >= MILLION) break
      if (depth < 2 || random.chance(0.9)) levels.push(levelOf(price, sizeCents(random, depth)))
    }
    return levels
  }
  const bids = side(-1)
  const asks = side(1)
  market.tokens[0]?.book.replace({ bids, asks })
  market.tokens[1]?.book.replace({
    bids: asks.map((level) => mirror(market, level)),
    asks: bids.map((level) => mirror(market, level)),
  })
  if (random.chance(0.7)) market.lastTradePrice = ((prices[middle]?.price ?? 0) / MILLION).toFixed(3)
}
