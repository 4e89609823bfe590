import { tokensOf, type Flow } from './normalizer-flow.ts'
import { venueHash } from './venue-hash.ts'

type Side = 'BUY' | 'SELL'
export type Change = [side: Side, price: string, size: string]

const compare = ([left]: [string, string], [right]: [string, string]): number => Number(left) - Number(right)
const toLevel = ([price, size]: [string, string]) => ({ price, size })

/** A venue whose first outcome has the book that a test says; hashes are right unless it is told to lie. */
export const createAlertVenue = (flow: Pick<Flow, 'append'>, startTimeMs = Date.now() - 60_000) => {
  const books = new Map<string, { BUY: Map<string, string>; SELL: Map<string, string> }>()
  let timeMs = startTimeMs
  let lastTradePrice = ''
  const bookOf = (marketId: string) => {
    const book = books.get(marketId) ?? { BUY: new Map(), SELL: new Map() }
    books.set(marketId, book)
    return book
  }
  const said = (marketId: string) => {
    const { BUY, SELL } = bookOf(marketId)
    const bids = [...BUY].toSorted(compare).map(toLevel)
    const asks = [...SELL].toSorted(compare).toReversed().map(toLevel)
    const market = `0x${marketId.padStart(64, '0')}`
    return { market, timestamp: String(timeMs), asset_id: tokensOf(marketId)[0] ?? '', bids, asks }
  }
  const hashOf = (marketId: string): string => venueHash(said(marketId), { tickSize: '0.01', lastTradePrice })
  const bookText = (marketId: string): string =>
    JSON.stringify({ event_type: 'book', ...said(marketId), hash: hashOf(marketId) })

  return {
    /** All hashes from here on are over this price of a trade. */
    hashOver: (price: string): void => {
      lastTradePrice = price
    },

    /** A whole book of one level a side; an absent price is an empty side. */
    quote: async (marketId: string, bid: string | undefined, ask: string | undefined, size = '100'): Promise<void> => {
      timeMs += 1
      const book = bookOf(marketId)
      book.BUY = new Map(bid === undefined ? [] : [[bid, size]])
      book.SELL = new Map(ask === undefined ? [] : [[ask, size]])
      await flow.append(marketId, [['websocket', bookText(marketId)]])
    },

    /** The present book as REST gives it. */
    rest: (marketId: string): Promise<void> => flow.append(marketId, [['rest', bookText(marketId)]]),

    /** One batch of changes, a frame each; with `isWrong` its hash is of another book. */
    batch: async (marketId: string, changes: Change[], isWrong = false): Promise<void> => {
      timeMs += 1
      const book = bookOf(marketId)
      for (const [side, price, size] of changes) {
        if (size === '0') book[side].delete(price)
        else book[side].set(price, size)
      }
      const hash = isWrong ? 'f'.repeat(40) : hashOf(marketId)
      const { market, timestamp, asset_id } = said(marketId)
      const textOf = ([side, price, size]: Change): string => {
        const price_changes = [{ asset_id, side, price, size, hash }]
        return JSON.stringify({ event_type: 'price_change', market, timestamp, price_changes })
      }
      for (const change of changes) await flow.append(marketId, [['websocket', textOf(change)]])
    },

    trade: async (marketId: string, size: string, transaction_hash: string): Promise<void> => {
      timeMs += 1
      const { market, timestamp, asset_id } = said(marketId)
      const trade = { event_type: 'last_trade_price', market, timestamp, asset_id, price: '0.5', side: 'BUY' }
      await flow.append(marketId, [['websocket', JSON.stringify({ ...trade, size, transaction_hash })]])
    },
  }
}
