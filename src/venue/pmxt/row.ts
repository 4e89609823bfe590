import { z } from 'zod'
import { quoteNumbers } from '../../lib/json-numbers.ts'
import type { Parsed } from '../../domain/event.ts'
import { toAmountText } from '../polymarket/data-amount.ts'
import { parseMarketMessage } from '../polymarket/mapper.ts'

/** One row of a file, by the names of `PmxtLayout`; epoch ms. `body`: the whole message, in v1. */
export type PmxtRow = {
  conditionId: string
  token: string | null
  kind: string
  venueTimeMs: number
  bids: string | null
  asks: string | null
  price: string | null
  size: string | null
  side: string | null
  body: string | null
}

/** Levels came as objects and as pairs, numbers as texts and as numbers: of those as they were written. */
const decimal = z.string().transform((text) => toAmountText(text) ?? text)
const level = z.union([
  z.object({ price: decimal, size: decimal }),
  z.tuple([decimal, decimal]).transform(([price, size]) => ({ price, size })),
])
const levels = z.array(level)

const message = z.looseObject({
  token_id: z.string().optional(),
  asset_id: z.string().optional(),
  bids: levels.optional(),
  asks: levels.optional(),
  buys: levels.optional(),
  sells: levels.optional(),
  change_price: decimal.optional(),
  change_size: decimal.optional(),
  change_side: z.string().optional(),
  price: decimal.optional(),
  size: decimal.optional(),
  side: z.string().optional(),
  price_changes: z.array(z.looseObject({ price: decimal, size: decimal })).optional(),
})
type Message = z.infer<typeof message>

const parse = (text: string): unknown => {
  try {
    return JSON.parse(quoteNumbers(text))
  } catch {
    return undefined
  }
}

type Wire = { event_type: string } & Record<string, unknown>

const toBook = ({ bids, asks, buys, sells }: Message): Record<string, unknown> => ({
  bids: bids ?? buys,
  asks: asks ?? sells,
})

/** `side` of a v1 change is the outcome's (YES, NO), `change_side` the book's. */
const toChanges = (token: string, body: Message): Record<string, unknown> => {
  const { price_changes, change_price, change_size, change_side, price, size, side } = body
  if (price_changes !== undefined) return { price_changes: price_changes.map((one) => ({ hash: '', ...one })) }
  const one = { price: change_price ?? price, size: change_size ?? size, side: change_side ?? side }
  return { price_changes: [{ asset_id: token, hash: '', ...one }] }
}

const bodyOf = (row: PmxtRow): Message | undefined => {
  const { bids, asks, price, size, side, body } = row
  const columns = { bids: bids ?? undefined, asks: asks ?? undefined }
  const given =
    body === null
      ? {
          ...(columns.bids === undefined ? {} : { bids: parse(columns.bids) }),
          ...(columns.asks === undefined ? {} : { asks: parse(columns.asks) }),
          ...(price === null ? {} : { price }),
          ...(size === null ? {} : { size }),
          ...(side === null ? {} : { side }),
        }
      : parse(body)
  const result = message.safeParse(given)
  return result.success ? result.data : undefined
}

const isBook = (kind: string): boolean => kind === 'book' || kind === 'book_snapshot'

/** The row as the market channel would have sent it. */
const toWire = (row: PmxtRow): Wire | undefined => {
  const body = bodyOf(row)
  if (body === undefined) return undefined
  const token = row.token ?? body.asset_id ?? body.token_id ?? ''
  const shared = { market: row.conditionId, timestamp: String(row.venueTimeMs) }
  return isBook(row.kind)
    ? { ...shared, event_type: 'book', asset_id: token, hash: '', ...toBook(body) }
    : { ...shared, event_type: 'price_change', ...toChanges(token, body) }
}

/** What came, for a dead letter. */
export const rawOf = (row: PmxtRow): string => row.body ?? JSON.stringify(row)

/** A row to a domain event, by the schema and the checks of the market channel. Bad data is a value. */
export const parsePmxtRow = (row: PmxtRow): Parsed => {
  const wire = toWire(row)
  if (wire === undefined)
    return { type: 'rejected', detail: 'levels or message are no JSON of the expected form', breaksBook: true }
  return parseMarketMessage(JSON.stringify(wire))
}
