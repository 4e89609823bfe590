import { z } from 'zod'
import type { Level } from '../domain/book-side.ts'
import { toMillionths } from '../domain/decimal.ts'

const levels = z.array(z.object({ price: z.string(), size: z.string() }))
const book = z.object({
  event_type: z.literal('book'),
  market: z.string(),
  asset_id: z.string(),
  timestamp: z.string(),
  hash: z.string(),
  bids: levels,
  asks: levels,
  tick_size: z.string().optional(),
  last_trade_price: z.string().optional(),
  version: z.literal('v2').optional(),
})
const priceChange = z.object({
  event_type: z.literal('price_change'),
  market: z.string(),
  timestamp: z.string(),
  price_changes: z.array(
    z.object({ asset_id: z.string(), price: z.string(), size: z.string(), side: z.string(), hash: z.string() }),
  ),
})
const lastTrade = z.object({
  event_type: z.literal('last_trade_price'),
  market: z.string(),
  asset_id: z.string(),
  price: z.string(),
  size: z.string(),
  side: z.enum(['BUY', 'SELL']),
  timestamp: z.string(),
  transaction_hash: z.string().optional(),
})
const tickSize = z.object({
  event_type: z.literal('tick_size_change'),
  market: z.string(),
  asset_id: z.string(),
  timestamp: z.string(),
  new_tick_size: z.string(),
})
const schema = z.discriminatedUnion('event_type', [book, priceChange, lastTrade, tickSize])

export type ReplayMessage = z.infer<typeof schema>
export type ReplayBook = z.infer<typeof book>

/** Messages of a frame that a replay understands; others are played all the same. `isArray`: the first dump's form. */
export type ReplayMessages = { isArray: boolean; messages: ReplayMessage[] }

export const readMessages = (text: string): ReplayMessages => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { isArray: false, messages: [] }
  }
  const items: unknown[] = Array.isArray(value) ? value : [value]
  const messages = items.map((item) => schema.safeParse(item).data).filter((message) => message !== undefined)
  return { isArray: Array.isArray(value), messages }
}

export const tokensOf = (message: ReplayMessage): string[] =>
  message.event_type === 'price_change' ? message.price_changes.map((one) => one.asset_id) : [message.asset_id]

/** Levels with a size; texts as recorded. */
export const levelsOf = (recorded: { price: string; size: string }[]): Level[] =>
  recorded
    .map((one) => ({
      price: toMillionths(one.price) ?? 0,
      size: toMillionths(one.size) ?? 0,
      priceText: one.price,
      sizeText: one.size,
    }))
    .filter((level) => level.size > 0)
