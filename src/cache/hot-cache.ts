import type { Redis } from 'ioredis'
import { ladderKey, quoteKey } from '../domain/keys.ts'
import type { MarketState } from '../domain/market.ts'
import { createRedisScript } from '../lib/redis-script.ts'
import { HOT_CACHE_SCRIPT } from './hot-cache-script.ts'

/** A ladder's levels as `[price, size]` texts; size `"0"` removes. `isWhole` replaces what was there. */
export type LadderWrite = { isWhole: boolean; bids: [string, string][]; asks: [string, string][] }

/** What one market's keys shall say. Absent prices are empty strings; times are epoch ms as text. */
export type MarketWrite = {
  marketId: string
  bidPrice: string
  bidSize: string
  askPrice: string
  askSize: string
  sequence: number
  /** Sequence of the last proved state, `''` when none was. */
  verifiedSequence: string
  state: MarketState
  sourceTime: string
  updatedTime: string
  /** `<venue time ms>:<hash>` of the newest book or change applied, an outcome after the other. */
  applied: string
  /** The connection that it follows. */
  epoch: string
  /** Levels a side that the ladders show, 0 = all; `''` where it is as it was. */
  depth: string
  isQuoteChanged: boolean
  ladders: { outcomeId: string; write: LadderWrite }[]
}

/** A newer owner has written these keys: this copy must stop. */
export class CacheFenceLost extends Error {
  readonly retryable = false
}

const quoteText = (market: MarketWrite): string =>
  market.isQuoteChanged
    ? JSON.stringify({
        market_id: market.marketId,
        bid_price: market.bidPrice,
        bid_size: market.bidSize,
        ask_price: market.askPrice,
        ask_size: market.askSize,
        sequence: market.sequence,
        verified_sequence: market.verifiedSequence,
        state: market.state,
        source_ts: market.sourceTime,
        updated_at: market.updatedTime,
      })
    : ''

/** Pushed one by one here and below: `flat` and `flatMap` took 4 % of the normalizer's time. */
const pushQuote = (values: string[], market: MarketWrite): void => {
  values.push(
    market.bidPrice,
    market.bidSize,
    market.askPrice,
    market.askSize,
    String(market.sequence),
    market.verifiedSequence,
    market.state,
    market.sourceTime,
    market.updatedTime,
    market.applied,
    market.epoch,
    market.depth,
    quoteText(market),
    String(market.ladders.length * 2),
  )
}

const pushLevels = (values: string[], isWhole: boolean, levels: [string, string][]): void => {
  values.push(isWhole ? '1' : '0', String(levels.length))
  for (const [price, size] of levels) values.push(price, size)
}

const toValues = (ownerEpoch: number, markets: MarketWrite[]): string[] => {
  const values = [String(ownerEpoch), String(markets.length)]
  for (const market of markets) {
    pushQuote(values, market)
    for (const { write } of market.ladders) {
      pushLevels(values, write.isWhole, write.bids)
      pushLevels(values, write.isWhole, write.asks)
    }
  }
  return values
}

const toKeys = (markets: MarketWrite[]): string[] => {
  const keys: string[] = []
  for (const { marketId, ladders } of markets) {
    keys.push(quoteKey(marketId))
    for (const { outcomeId } of ladders) keys.push(ladderKey(outcomeId, 'bid'), ladderKey(outcomeId, 'ask'))
  }
  return keys
}

/** Bounds the arguments of one call: a market's whole ladders are a few hundred levels of some 35 bytes, or many thousand. */
const MARKETS_PER_CALL = 64
const LEVELS_PER_CALL = 50_000

const levelsOf = ({ ladders }: MarketWrite): number =>
  ladders.reduce((sum, { write }) => sum + write.bids.length + write.asks.length, 0)

/** A market's ladders are never parted: its write is atomic. */
const toCalls = (markets: MarketWrite[]): MarketWrite[][] => {
  const calls: MarketWrite[][] = []
  let levels = 0
  for (const market of markets) {
    const last = calls.at(-1)
    const added = levelsOf(market)
    if (last === undefined || last.length >= MARKETS_PER_CALL || levels + added > LEVELS_PER_CALL) {
      calls.push([market])
      levels = added
    } else {
      last.push(market)
      levels += added
    }
  }
  return calls
}

const hotCacheScript = createRedisScript(HOT_CACHE_SCRIPT)

/** Writes quotes and ladders as the owner of a shard: one script call for all the markets of a read. */
export const createHotCache = ({ redis, ownerEpoch }: { redis: Redis; ownerEpoch: number }) => {
  const writeSome = async (markets: MarketWrite[]): Promise<number> =>
    Number(await hotCacheScript(redis, toKeys(markets), toValues(ownerEpoch, markets)))

  /** @throws CacheFenceLost when a newer owner has written one of these markets. */
  return async (markets: MarketWrite[]): Promise<void> => {
    for (const call of toCalls(markets)) {
      const refused = await writeSome(call)
      if (refused > 0) {
        throw new CacheFenceLost(
          `the hot cache of ${refused} markets belongs to a newer owner than epoch ${ownerEpoch}`,
        )
      }
    }
  }
}

export type HotCache = ReturnType<typeof createHotCache>
