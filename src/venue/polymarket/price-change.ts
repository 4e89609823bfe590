import type { MarketMessage } from './messages.ts'

type PriceChangeMessage = Extract<MarketMessage, { event_type: 'price_change' }>
type Element = PriceChangeMessage['price_changes'][number]

const LONGEST_TIMESTAMP = 15
const ZERO = 48

const isTimestamp = (value: unknown): boolean => {
  if (typeof value !== 'string' || value.length === 0 || value.length > LONGEST_TIMESTAMP) return false
  for (let at = 0; at < value.length; at++) {
    const digit = value.charCodeAt(at) - ZERO
    if (digit < 0 || digit > 9) return false
  }
  return true
}

const isElement = (value: Partial<Record<keyof Element, unknown>> | null): boolean =>
  typeof value === 'object' &&
  value !== null &&
  typeof value.asset_id === 'string' &&
  typeof value.price === 'string' &&
  typeof value.size === 'string' &&
  typeof value.side === 'string' &&
  typeof value.hash === 'string' &&
  typeof value.best_bid === 'string' &&
  typeof value.best_ask === 'string'

/**
 * Whether a parsed element is a `price_change` with every field there, as nearly all are: the schema would pass it as it is.
 * It took a third of the time of reading one, and nine frames of ten are of this type. Anything else is left to the schema, which says what is wrong.
 */
export const isPriceChange = (value: unknown): value is PriceChangeMessage => {
  if (typeof value !== 'object' || value === null) return false
  const message: Partial<Record<keyof PriceChangeMessage, unknown>> = value
  return (
    message.event_type === 'price_change' &&
    typeof message.market === 'string' &&
    isTimestamp(message.timestamp) &&
    Array.isArray(message.price_changes) &&
    message.price_changes.every(isElement)
  )
}
