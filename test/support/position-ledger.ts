import type { FrameKind } from '../../src/domain/frame.ts'
import type { ActivityTruth, PositionsTruth, TradeTruth } from './expect-positions.ts'
import { dataTradeText } from './data-trades.ts'
import { createDice } from './faults/dice.ts'
import { conditionOf, tokensOf } from './normalizer-flow.ts'

type ToldFrame = { kind: FrameKind; text: string; toldTimeMs: number }

const activityText = (
  { wallet, type, marketId, size, usdcSize, outcomeIndex, timestamp }: ActivityTruth,
  hash: string,
) => {
  const seconds = Math.floor(Number(timestamp) / 1_000)
  const raw = `{"proxyWallet":"${wallet}","timestamp":${seconds},"conditionId":"${conditionOf(marketId)}","type":"${type}","size":${size},"usdcSize":${usdcSize},"transactionHash":"${hash}","outcomeIndex":${outcomeIndex}}`
  return `{"ordinal":0,"raw":${raw}}`
}

/**
 * Wallets that trade, split, merge, redeem and convert over ten minutes, and what the Data API tells of it: each up to a
 * minute late, every fifth twice, equal fills of a transaction among them.
 */
export const createPositionLedger = (options: {
  seed: number
  walletCount: number
  tradeCount: number
  marketIds: string[]
}) => {
  const { walletCount, tradeCount, marketIds } = options
  const dice = createDice(options.seed)
  const wallets = Array.from({ length: walletCount }, (_, at) => `0x${String(at).padStart(40, '0')}`)
  const startMs = Date.now() - 900_000
  const truth: PositionsTruth & { trades: TradeTruth[]; activities: ActivityTruth[] } = { trades: [], activities: [] }
  const told: ToldFrame[] = []
  const tell = (kind: FrameKind, text: string, timeMs: number): void => {
    told.push({ kind, text, toldTimeMs: timeMs + dice.below(60_000) })
    if (dice.below(5) === 0) told.push({ kind, text, toldTimeMs: timeMs + dice.below(60_000) })
  }
  const act = (at: number, timeMs: number): void => {
    const size = String(1 + dice.below(20))
    const common = {
      wallet: wallets[at % walletCount] ?? '',
      marketId: dice.pick(marketIds),
      timestamp: String(timeMs),
    }
    const type = dice.pick(['SPLIT', 'SPLIT', 'MERGE', 'REDEEM', 'CONVERSION'])
    const activity = { ...common, type, size, usdcSize: size, outcomeIndex: type === 'REDEEM' ? dice.below(2) : 999 }
    truth.activities.push(activity)
    tell('data_activity', activityText(activity, `0xa${at}`), timeMs)
  }
  for (let at = 0; at < tradeCount; at++) {
    const timeMs = startMs + Math.floor((at * 600_000) / tradeCount)
    const wallet = wallets[(at < walletCount ? at : dice.below(walletCount)) % walletCount] ?? ''
    const token = dice.pick(tokensOf(dice.pick(marketIds)))
    const side = dice.pick(['BUY', 'BUY', 'SELL'] as const)
    const price = `0.${1 + dice.below(98)}`
    const size = `${1 + dice.below(50)}.${dice.below(100)}5`
    const equalCount = dice.below(20) === 0 ? 2 : 1
    for (let ordinal = 0; ordinal < equalCount; ordinal++) {
      truth.trades.push({ wallet, token, side, price, size, timestamp: String(timeMs) })
      tell('data_trade', dataTradeText(token, { price, size, side, hash: `0x${at}`, timeMs }, ordinal, wallet), timeMs)
    }
    if (at % 8 === 0) act(at, timeMs)
  }
  return { truth, told: told.toSorted((left, right) => left.toldTimeMs - right.toldTimeMs) }
}
