import { createHash } from 'node:crypto'

type WireLevel = { price: string; size: string }
type HashedBook = { market: string; asset_id: string; timestamp: string; bids: WireLevel[]; asks: WireLevel[] }

/** The venue's hash of a book, by the words of its definition and with no code of the product. */
export const venueHash = (
  { market, asset_id, timestamp, bids, asks }: HashedBook,
  { tickSize, lastTradePrice }: { tickSize: string; lastTradePrice: string },
): string => {
  const inputs = { min_order_size: '5', tick_size: tickSize, neg_risk: false, last_trade_price: lastTradePrice }
  const text = JSON.stringify({ market, asset_id, timestamp, hash: '', bids, asks, ...inputs })
  return createHash('sha1').update(text).digest('hex')
}
