import { Book } from '../domain/book.ts'
import { bookHash } from '../domain/book-hash.ts'
import { findLastTradePrice } from '../domain/last-trade-price.ts'
import { levelsOf, type ReplayBook } from './replay-message.ts'

/** Inputs of the book hash that the websocket does not send. */
export type ReplayIdentity = { tickSize: string; minOrderSize: string; negRisk: boolean }

const TICK_SIZES = ['0.01', '0.001', '0.1', '0.0001']
/** 5 in all recorded books; others are possible. */
const MIN_ORDER_SIZES = ['5', '1', '15', '10', '20']

const candidatesOf = ({ tick_size: tickSize }: ReplayBook): ReplayIdentity[] =>
  MIN_ORDER_SIZES.flatMap((minOrderSize) =>
    (tickSize === undefined ? TICK_SIZES : [tickSize]).flatMap((tick) =>
      [false, true].map((negRisk) => ({ tickSize: tick, minOrderSize, negRisk })),
    ),
  )

const isOf = (message: ReplayBook, identity: ReplayIdentity): boolean => {
  const book = new Book({ conditionId: message.market, token: message.asset_id, version: message.version, ...identity })
  book.replace({ bids: levelsOf(message.bids), asks: levelsOf(message.asks) })
  const known = message.last_trade_price
  const input = book.hashInput(message.timestamp, known ?? '')
  if (known !== undefined) return bookHash(input) === message.hash
  return findLastTradePrice(input, message.hash, { likely: [], reach: 'three_decimals' }).lastTradePrice !== undefined
}

/**
 * A recording has no metadata, but its hashes are made with it: finds the inputs with which a book hashes to its hash,
 * so that what is played can be verified. Undefined where none fits (an older era, a damaged book).
 */
export const identityOf = (message: ReplayBook): ReplayIdentity | undefined =>
  candidatesOf(message).find((identity) => isOf(message, identity))
