import type { TradeEvent } from '../../src/domain/event.ts'
import { parseMarketMessage } from '../../src/venue/polymarket/mapper.ts'

export type TradeShape = { price: string; size: string; side: string; hash: string | undefined; timeMs: number }

export const tradeText = (token: string, { price, size, side, hash, timeMs }: TradeShape): string => {
  const head = { event_type: 'last_trade_price', market: '0x1', asset_id: token, timestamp: String(timeMs) }
  return JSON.stringify({ ...head, price, size, side, transaction_hash: hash })
}

export const tradeEvent = (shape: TradeShape): TradeEvent => {
  const parsed = parseMarketMessage(tradeText('7', shape))
  if (parsed.type !== 'event' || parsed.event.type !== 'trade') throw new Error('expected a trade')
  return parsed.event
}

/** What tells fills apart, by value. */
export const tradeKey = ({ price, size, side, hash, timeMs }: TradeShape): string =>
  `${hash?.toLowerCase() ?? timeMs} ${side.toLowerCase()} ${Number(price)} ${Number(size)}`

/** The count of each fill: of several connections the maximum, not the sum. */
export const countFills = (all: { shape: TradeShape; epoch: string }[]): Map<string, number> => {
  const counts = new Map<string, number>()
  const highest = new Map<string, number>()
  for (const { shape, epoch } of all) {
    const key = tradeKey(shape)
    const count = (counts.get(`${epoch} ${key}`) ?? 0) + 1
    counts.set(`${epoch} ${key}`, count)
    highest.set(key, Math.max(highest.get(key) ?? 0, count))
  }
  return highest
}
