import type pg from 'pg'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import type { ActivityRow } from '../../src/normalizer/activity-row.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'
import type { TradeRow } from '../../src/normalizer/trade-row.ts'
import { createCommitter } from '../../src/store/commit.ts'
import { takeOwnership } from '../../src/store/fence.ts'
import { rebuildPositions, type PositionDifference } from '../../src/store/position-rebuild.ts'
import { createTracking } from '../../src/store/positions.ts'
import { parseGammaMarket } from '../../src/venue/polymarket/gamma-market.ts'
import type { ActivityTruth, TradeTruth } from './expect-positions.ts'
import { conditionOf, gammaText, tokensOf } from './normalizer-flow.ts'

const LETTER = { stream: 'trades', entryId: '1-1', ordinal: 1, detail: '', raw: '', firstSeenTimeMs: 0 }
export const START_MS = 1_790_000_000_000
const CAPTURED_TIME_MS = 1_790_000_000_000

/** A trade of the truth as the Data API tells it: whole seconds. */
export const tradeRow = (trade: TradeTruth & { transactionHash: string; ordinal?: number }): TradeRow => ({
  trade: {
    conditionId: '',
    token: trade.token,
    wallet: trade.wallet,
    takerSide: trade.side === 'BUY' ? 'buy' : 'sell',
    priceText: trade.price,
    sizeText: trade.size,
    exchangeTimeMs: Math.floor(Number(trade.timestamp) / 1_000) * 1_000,
    transactionHash: trade.transactionHash,
    ordinal: trade.ordinal ?? 0,
    source: 'data_api',
  },
  capturedTimeMs: CAPTURED_TIME_MS,
  origin: { type: 'frame', letter: { ...LETTER, reason: 'unknown_token' } },
  marketId: undefined,
})

const TYPES = { SPLIT: 'split', MERGE: 'merge', REDEEM: 'redeem', CONVERSION: 'conversion' } as const
const typeOf = (type: string) => Object.entries(TYPES).find(([name]) => name === type)?.[1] ?? 'conversion'

export const activityRow = (activity: ActivityTruth & { transactionHash: string }): ActivityRow => ({
  activity: {
    type: typeOf(activity.type),
    conditionId: conditionOf(activity.marketId),
    wallet: activity.wallet,
    sizeText: activity.size,
    usdcText: activity.usdcSize,
    outcomeIndex: activity.outcomeIndex === 999 ? undefined : activity.outcomeIndex,
    exchangeTimeMs: Math.floor(Number(activity.timestamp) / 1_000) * 1_000,
    transactionHash: activity.transactionHash,
    ordinal: 0,
  },
  capturedTimeMs: CAPTURED_TIME_MS,
  origin: { type: 'frame', letter: { ...LETTER, reason: 'unknown_market' } },
  marketId: undefined,
})

/** Commits batches of trades, activities and markets as shard 0 does. */
export const openCommits = async (pool: pg.Pool, tracked: string[] = []) => {
  const owner = await takeOwnership(pool, 0, 'test')
  const log = createLog('normalizer', 'silent')
  const deps = { pool, owner, stats: createStats(), log, config: { TRACKED_WALLETS: tracked } }
  const write = createCommitter(deps)
  const commit = (changed: Partial<Batch>): Promise<void> =>
    write(Object.assign(changed, { ...newBatch(), ...changed }), new AbortController().signal)
  const market = async (marketId: string, payouts?: string[]): Promise<void> => {
    const parsed = parseGammaMarket(gammaText(marketId))
    if (parsed.type !== 'market') throw new Error(parsed.detail)
    const resolution = payouts === undefined ? undefined : { payouts, resolvedTimeMs: CAPTURED_TIME_MS }
    await commit({ markets: new Map([[marketId, { ...parsed.market, resolution }]]) })
  }
  return { commit, market, stats: deps.stats }
}

/** Of all wallets, or of these; returns what differed. */
export const rebuild = async (pool: pg.Pool, isDryRun: boolean, wallets: string[] = [], tracked: string[] = []) => {
  const differences: PositionDifference[] = []
  const options = { wallets, isTracked: createTracking(tracked), isDryRun }
  for await (const part of rebuildPositions(pool, options)) differences.push(...part.differences)
  return differences
}

export const buy = (wallet_: string, changed: Partial<TradeTruth> = {}) => ({
  wallet: wallet_,
  token: tokensOf('71')[0] ?? '',
  side: 'BUY' as const,
  price: '0.4',
  size: '10',
  timestamp: String(START_MS),
  ...changed,
})
