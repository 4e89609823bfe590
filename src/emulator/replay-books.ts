import type { Catalogue } from './catalogue.ts'
import type { Counts } from './connection.ts'
import type { LedgerTrade } from './ledger.ts'
import { setTickSize, type VenueToken } from './market.ts'
import { levelsOf, type ReplayBook, type ReplayMessage, type ReplayMessages } from './replay-message.ts'

/** What a played message adds to the counts of its token on each connection that heard it. */
export type ReplayEffect = { token: VenueToken; add: Partial<Counts> }

const playBook = (token: VenueToken, message: ReplayBook, isArray: boolean): ReplayEffect => {
  const levels = { bids: levelsOf(message.bids), asks: levelsOf(message.asks) }
  const isFirst = isArray || token.hash === ''
  const rows = isFirst ? levels.bids.length + levels.asks.length : token.book.difference(levels).length
  token.book.replace(levels)
  token.hash = message.hash
  token.timestamp = message.timestamp
  if (message.last_trade_price !== undefined) token.market.lastTradePrice = message.last_trade_price
  const add = isFirst ? { snapshots: 1, snapshotRows: Math.max(rows, 1) } : { books: 1, differenceRows: rows }
  return { token, add }
}

type Element = Extract<ReplayMessage, { event_type: 'price_change' }>['price_changes'][number]

const playChange = (token: VenueToken, element: Element, timestamp: string): ReplayEffect => {
  const [level] = levelsOf([{ price: element.price, size: element.size === '0' ? '1' : element.size }])
  if (level === undefined) return { token, add: {} }
  const size = element.size === '0' ? 0 : level.size
  const side = element.side.toUpperCase() === 'BUY' ? 'bid' : 'ask'
  const isChanged = token.book.apply({ side, level: { ...level, size, sizeText: element.size } })
  token.hash = element.hash
  token.timestamp = timestamp
  return { token, add: isChanged ? { changed: 1 } : { unchanged: 1 } }
}

const play = (token: VenueToken, message: ReplayMessage, isArray: boolean): ReplayEffect[] => {
  switch (message.event_type) {
    case 'book':
      return [playBook(token, message, isArray)]
    case 'price_change':
      return message.price_changes
        .filter((element) => element.asset_id === token.token)
        .map((element) => playChange(token, element, message.timestamp))
    case 'tick_size_change':
      setTickSize(token.market, message.new_tick_size)
      return []
    case 'last_trade_price':
      return [{ token, add: { trades: 1 } }]
  }
}

/** Applies the messages of a frame to the venue's books. Market ids are looked up by token. */
export const playMessages = (catalogue: Catalogue, { messages, isArray }: ReplayMessages): ReplayEffect[] =>
  messages.flatMap((message) => {
    const market = catalogue.byKey({ conditionId: message.market })
    return (market?.tokens ?? [])
      .filter((token) => message.event_type === 'price_change' || message.asset_id === token.token)
      .flatMap((token) => play(token, message, isArray))
  })

/** Trades of a frame, for the ledger and the Data API. */
type ReplayedTrade = Omit<LedgerTrade, 'wallet' | 'missedBy'>

export const tradesOf = (catalogue: Catalogue, messages: ReplayMessage[], sentCount: number): ReplayedTrade[] =>
  messages.flatMap((message) => {
    const market = catalogue.byKey({ conditionId: message.market })
    if (message.event_type !== 'last_trade_price' || market === undefined) return []
    const { price, size, side, timestamp, asset_id: token } = message
    const ids = { marketId: market.marketId, conditionId: market.conditionId, token }
    return [{ ...ids, price, size, side, timestamp, sentCount, transactionHash: message.transaction_hash ?? '' }]
  })

const CANDIDATES = ['', ...Array.from({ length: 1_001 }, (_, at) => (at / 1_000).toFixed(3))]
const failures = new WeakMap<VenueToken, string>()

/**
 * The last trade price is not on the stream in time: finds the one that the last hash was made with, so that a REST
 * book verifies. In the middle of a batch none does, and the known one is kept.
 */
export const findLastTradePrice = (token: VenueToken): void => {
  const fits = (price: string): boolean => token.book.hash(token.timestamp, price) === token.hash
  if (token.hash === '' || failures.get(token) === token.hash || fits(token.market.lastTradePrice)) return
  const price = CANDIDATES.find(fits)
  if (price === undefined) failures.set(token, token.hash)
  else token.market.lastTradePrice = price
}
