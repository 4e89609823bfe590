import type { Pool } from 'pg'
import type { TradeRow } from '../../src/normalizer/trade-row.ts'
import { parseDataTrade } from '../../src/venue/polymarket/data-mapper.ts'
import { tradeKey, type TradeShape } from './trades.ts'

/** Text of a frame of kind `data_trade`: the element as the Data API writes it, in seconds and numbers. */
export const dataTradeText = (token: string, shape: TradeShape, ordinal: number, wallet = walletOf(shape)): string => {
  const { price, size, side, hash, timeMs } = shape
  const [numbers, timestamp] = [`"size":${size},"price":${price}`, Math.floor(timeMs / 1_000)]
  const raw = `{"proxyWallet":"${wallet}","side":"${side}","asset":"${token}","conditionId":"0x1",${numbers},"timestamp":${timestamp},"transactionHash":"${hash}"}`
  return `{"ordinal":${ordinal},"raw":${raw}}`
}

/** One taker a transaction. */
export const walletOf = ({ hash = '' }: TradeShape): string =>
  `0x${hash.slice(2).toLowerCase().padStart(40, '0').slice(-40)}`

/** The rows of one scan: equal trades numbered from 0. */
export const scanRows = (token: string, shapes: TradeShape[], capturedTimeMs: number): TradeRow[] => {
  const counts = new Map<string, number>()
  return shapes.map((shape) => {
    const key = tradeKey(shape)
    const ordinal = counts.get(key) ?? 0
    counts.set(key, ordinal + 1)
    const parsed = parseDataTrade(dataTradeText(token, shape, ordinal))
    if (parsed.type !== 'trade') throw new Error(parsed.detail)
    return {
      trade: parsed.trade,
      capturedTimeMs,
      origin: { type: 'dead_letter', deadLetterId: 0 },
      marketId: undefined,
    }
  })
}

/** A market with one outcome, straight into the tables. */
export const insertMarket = async (pool: Pool, marketId: string, token: string): Promise<void> => {
  await pool.query("insert into markets (market_id, condition_id, slug, question, status, tick_size, min_order_size, neg_risk) values ($1, '0x1', $1, '?', 'active', 0.01, 5, false)", [marketId]) // prettier-ignore
  await pool.query("insert into outcomes (outcome_id, market_id, name, tokens) values ($1 || ':0', $1, 'Yes', $2)", [marketId, token]) // prettier-ignore
}
