import type { z } from 'zod'
import type { ParsedDataActivity, ParsedDataTrade } from '../../domain/trade.ts'
import { quoteNumbers } from '../../lib/json-numbers.ts'
import { activityV1, activityV2, tradeV1, tradeV2, wrapped } from './data-elements.ts'

type Rejected = { type: 'rejected'; detail: string }
type Unwrapped = { type: 'element'; ordinal: number; raw: Record<string, unknown> } | Rejected

const rejected = (detail: string): Rejected => ({ type: 'rejected', detail })

/** Zod says what was expected at which key; what came is the frame's text, here in short: values may be nested too deeply to be told. */
const explain = ({ issues }: z.ZodError, text: string): string => {
  const wrong = issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
  return `${wrong}; came ${text.slice(0, 300)}`
}

const unwrap = (text: string): Unwrapped => {
  let value: unknown
  try {
    value = JSON.parse(quoteNumbers(text))
  } catch {
    return rejected(`expected JSON, came ${text.slice(0, 80)}`)
  }
  const result = wrapped.safeParse(value)
  return result.success ? { type: 'element', ...result.data } : rejected(explain(result.error, text))
}

/** v1 speaks camelCase, v2 snake_case. */
const isV2 = (raw: Record<string, unknown>): boolean => 'transaction_hash' in raw || 'proxy_wallet' in raw

/** A frame of kind `data_trade`: an element of `/trades` or `/v2/trades` with its ordinal. Never throws on data. */
export const parseDataTrade = (text: string): ParsedDataTrade => {
  const element = unwrap(text)
  if (element.type === 'rejected') return element
  const { ordinal, raw } = element
  const result = (isV2(raw) ? tradeV2 : tradeV1).safeParse(raw)
  if (!result.success) return rejected(explain(result.error, text))
  const { conditionId, token, wallet, side, price, size, timestamp, transactionHash } = result.data
  const amounts = { priceText: price, sizeText: size }
  const trade = { conditionId, token, wallet, takerSide: side, ...amounts, exchangeTimeMs: timestamp, transactionHash }
  return { type: 'trade', trade: { ...trade, ordinal, source: 'data_api' } }
}

/** A frame of kind `data_activity`: an element of `/activity` or `/v2/activity` with its ordinal. Never throws on data. */
export const parseDataActivity = (text: string): ParsedDataActivity => {
  const element = unwrap(text)
  if (element.type === 'rejected') return element
  const { ordinal, raw } = element
  const result = (isV2(raw) ? activityV2 : activityV1).safeParse(raw)
  if (!result.success) return rejected(explain(result.error, text))
  const { type, conditionId, wallet, size, usdcSize, outcomeIndex, timestamp, transactionHash } = result.data
  const amounts = { sizeText: size, usdcText: usdcSize }
  const activity = { type, conditionId, wallet, ...amounts, outcomeIndex, exchangeTimeMs: timestamp, transactionHash }
  return { type: 'activity', activity: { ...activity, ordinal } }
}
