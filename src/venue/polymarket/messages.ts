import { z } from 'zod'

/** Wire schemas of the market channel, as the venue sends them: every number is a string, unknown keys are ignored. */
const level = z.object({ price: z.string(), size: z.string() })
const levels = z.array(level)
const timestamp = z.string().regex(/^\d{1,15}$/)

const book = z.object({
  event_type: z.literal('book').optional(),
  market: z.string(),
  asset_id: z.string(),
  timestamp,
  hash: z.string(),
  bids: levels.optional(),
  asks: levels.optional(),
  buys: levels.optional(),
  sells: levels.optional(),
  tick_size: z.string().optional(),
  min_order_size: z.string().optional(),
  neg_risk: z.boolean().optional(),
  version: z.literal('v2').optional().catch(undefined),
  last_trade_price: z.string().optional(),
})

const priceChange = z.object({
  event_type: z.literal('price_change'),
  market: z.string(),
  timestamp,
  price_changes: z.array(
    z.object({
      asset_id: z.string(),
      price: z.string(),
      size: z.string(),
      side: z.string(),
      hash: z.string(),
      best_bid: z.string().default(''),
      best_ask: z.string().default(''),
    }),
  ),
})

/** `0x` and 64 hex digits today. It is a key in Postgres, which takes no NUL and only short texts. */
const transactionHash = z.string().regex(/^[\x21-\x7e]{0,128}$/, 'expected at most 128 visible ASCII characters')

const lastTradePrice = z.object({
  event_type: z.literal('last_trade_price'),
  market: z.string(),
  asset_id: z.string(),
  price: z.string(),
  size: z.string(),
  side: z.string(),
  timestamp,
  transaction_hash: transactionHash.optional(),
})

const tickSizeChange = z.object({
  event_type: z.literal('tick_size_change'),
  asset_id: z.string(),
  new_tick_size: z.string(),
  timestamp,
})

const bestBidAsk = z.object({
  event_type: z.literal('best_bid_ask'),
  asset_id: z.string(),
  best_bid: z.string(),
  best_ask: z.string(),
  timestamp,
})

/** Strings are often `""`, which means that nothing is said; fees came as texts and as numbers. */
const said = (value: unknown): unknown => (value === '' || value === null ? undefined : value)
const saidNumber = z.preprocess(said, z.coerce.number().optional().catch(undefined))
const saidText = z.preprocess(said, z.coerce.string().max(500).optional())

const newMarket = z.object({
  event_type: z.literal('new_market'),
  id: z.string().regex(/^\d{1,20}$/),
  market: z.string().max(200),
  slug: z.string().max(500),
  question: z.string(),
  assets_ids: z.array(z.string()),
  outcomes: z.array(z.string()),
  timestamp,
  order_price_min_tick_size: saidText,
  event_message: z.object({ slug: saidText }).nullish(),
  tags: z
    .array(z.string())
    .nullish()
    .transform((tags) => tags ?? []),
  fees_enabled: z.boolean().optional().catch(undefined),
  fee_schedule: z.object({ rate: saidNumber }).optional().catch(undefined),
  taker_base_fee: saidNumber,
})

const marketResolved = z.object({
  event_type: z.literal('market_resolved'),
  id: z.string(),
  winning_asset_id: z.string(),
  timestamp,
})

/** A REST `/book` or `/books` element has no `event_type`; every websocket element has one. */
export const restBook = book
export const marketMessage = z.discriminatedUnion('event_type', [
  book.extend({ event_type: z.literal('book') }),
  priceChange,
  lastTradePrice,
  tickSizeChange,
  bestBidAsk,
  newMarket,
  marketResolved,
])

export const EVENT_TYPES: ReadonlySet<string> = new Set(
  marketMessage.options.map((option) => option.shape.event_type.value),
)

export type BookMessage = z.infer<typeof restBook>
export type MarketMessage = z.infer<typeof marketMessage>
