import type { Catalogue } from './catalogue.ts'
import {
  bestBidAskFrame,
  lastTradeFrame,
  priceChangeFrame,
  tickSizeFrame,
  tradeBookFrame,
  type Change,
} from './frame.ts'
import type { LedgerTrade } from './ledger.ts'
import { bestAskText, bestBidText, setTickSize, stamp, type VenueMarket } from './market.ts'
import { applyMirrored, nextChange } from './orders.ts'
import type { Outbox } from './outbox.ts'
import { createRandom, subSeed, type Random } from './random.ts'
import type { Fill } from './texts.ts'
import { trade } from './trades.ts'

export type FlowOptions = {
  catalogue: Catalogue
  outbox: Outbox
  trades: LedgerTrade[]
  seed: number
  levelCount: number
  /** Share of actions that are trades. */
  tradeShare: number
  /** Epoch ms. */
  now: () => number
}

export type Flow = {
  /** One action on one subscribed market: a batch or a trade. Returns the frames sent; 0 when nobody is subscribed. */
  step(): number
  /** Sends the late `last_trade_price`s that are due. Returns the frames sent. */
  settle(): number
  /** To be called when subscriptions changed. */
  refresh(): void
  changeTickSize(market: VenueMarket, tickSize: string): void
}

type LateTrade = { dueTimeMs: number; fills: Fill[] }

const MAX_ACTIONS_A_STEP = 50

/** Most actions change one level, some up to eight at once. */
const batchSize = (random: Random): number => (random.chance(0.75) ? 1 : random.between(2, 8))

export const createFlow = (options: FlowOptions): Flow => {
  const { catalogue, outbox, now } = options
  const choice = createRandom(subSeed(options.seed, 1_000_003))
  const randoms = new Map<VenueMarket, Random>()
  const lastTimes = new Map<VenueMarket, number>()
  const late: LateTrade[] = []
  let active: VenueMarket[] = []

  const randomOf = (market: VenueMarket): Random => {
    const known = randoms.get(market)
    if (known !== undefined) return known
    const random = createRandom(subSeed(options.seed, 5_000_000 + catalogue.markets.indexOf(market)))
    randoms.set(market, random)
    return random
  }

  /** The engine's clock of a market never runs backwards: price changes are monotone. */
  const engineTime = (market: VenueMarket): string => {
    const timeMs = Math.max(now(), lastTimes.get(market) ?? 0)
    lastTimes.set(market, timeMs)
    return String(timeMs)
  }

  /** First the quote, then the change that moved it; not for every change, and at times a millisecond ahead. */
  const quotes = (market: VenueMarket, before: string[], random: Random): number => {
    let sentCount = 0
    for (const [at, token] of market.tokens.entries()) {
      if (before[at] === `${bestBidText(token)} ${bestAskText(token)}` || random.chance(0.2)) continue
      const timestamp = String(Number(token.timestamp) + (random.chance(0.2) ? 1 : 0))
      sentCount += outbox.deliver(bestBidAskFrame(token, timestamp))
    }
    return sentCount
  }

  const orders = (market: VenueMarket, random: Random): number => {
    const before = market.tokens.map((token) => `${bestBidText(token)} ${bestAskText(token)}`)
    const changes: Change[] = []
    for (let left = batchSize(random); left > 0; left--) {
      const change = nextChange(market, options.levelCount, random)
      const applied = change === undefined ? undefined : applyMirrored(market, change)
      if (applied !== undefined) changes.push(applied)
    }
    if (changes.length === 0) return 0
    stamp(market, engineTime(market))
    let sentCount = quotes(market, before, random)
    for (const change of changes) sentCount += outbox.deliver(priceChangeFrame(market, change))
    return sentCount
  }

  const meet = (market: VenueMarket, random: Random): number => {
    const done = trade(market, random)
    if (done === undefined) return 0
    stamp(market, engineTime(market))
    let sentCount = 0
    for (const token of market.tokens) sentCount += outbox.deliver(tradeBookFrame(token, done.levelCount))
    const dueTimeMs = now() + random.between(1, 90)
    const at = late.findLastIndex((one) => one.dueTimeMs <= dueTimeMs)
    late.splice(at + 1, 0, { dueTimeMs, fills: done.fills })
    return sentCount
  }

  const act = (market: VenueMarket): number => {
    const random = randomOf(market)
    return random.chance(options.tradeShare) ? meet(market, random) : orders(market, random)
  }

  const report = (fill: Fill, timestamp: string): number => {
    const { market } = fill.token
    const sentCount = outbox.deliver(lastTradeFrame(fill, timestamp))
    const { token, ...rest } = fill
    const ids = { marketId: market.marketId, conditionId: market.conditionId, token: token.token }
    options.trades.push({ ...rest, ...ids, timestamp, sentCount })
    return sentCount
  }

  return {
    step: () => {
      for (let actions = 0; active.length > 0 && actions < MAX_ACTIONS_A_STEP; actions++) {
        // Squared: a few markets are busy, most are quiet.
        const market = active[Math.floor(choice.next() ** 2 * active.length)]
        const sentCount = market === undefined ? 0 : act(market)
        if (sentCount > 0) return sentCount
      }
      return 0
    },
    settle: () => {
      let sentCount = 0
      while ((late[0]?.dueTimeMs ?? Infinity) <= now()) {
        const due = late.shift()
        // Stamped by another clock than the books: a few ms out of order with them.
        const timestamp = String(now() - ((due?.fills[0]?.transactionHash.charCodeAt(5) ?? 0) % 9))
        for (const fill of due?.fills ?? []) sentCount += report(fill, timestamp)
      }
      return sentCount
    },
    refresh: () => {
      active = catalogue.markets.filter((market) => market.subscribers.length > 0 && !market.closed)
    },
    changeTickSize: (market, tickSize) => {
      const oldTickSize = market.tickSize
      setTickSize(market, tickSize)
      stamp(market, engineTime(market))
      for (const token of market.tokens) outbox.deliver(tickSizeFrame(token, oldTickSize))
    },
  }
}
