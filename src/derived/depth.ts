import { MILLION } from '../domain/decimal.ts'
import type { Metric } from './metric.ts'
import { ratioText } from './ratio.ts'
import { add, addProduct, addWide, get, wideOf } from './slots.ts'

/** Two slots each, in the order of `types`. */
const BID_1C = 0
const BID_5C = 2
const ASK_1C = 4
const ASK_5C = 6
const PRICED_MS = 8
const SUMS = [BID_1C, BID_5C, ASK_1C, ASK_5C]

/**
 * Time-weighted mean of the shares within 1 c and 5 c of the mid on each side, and the imbalance of those within 5 c:
 * (bid - ask) / (bid + ask). One file, since the imbalance is of the same sums.
 */
export const depth: Metric = {
  name: 'depth',
  types: ['bid_depth_1c', 'bid_depth_5c', 'ask_depth_1c', 'ask_depth_5c', 'imbalance'],
  width: 9,
  hold: (slots, at, state, ms) => {
    if (state.mid === 0) return
    addProduct(slots, at + BID_1C, state.bidDepth1c, ms)
    addProduct(slots, at + BID_5C, state.bidDepth5c, ms)
    addProduct(slots, at + ASK_1C, state.askDepth1c, ms)
    addProduct(slots, at + ASK_5C, state.askDepth5c, ms)
    add(slots, at + PRICED_MS, ms)
  },
  merge: (into, intoAt, from, fromAt) => {
    for (const place of SUMS) addWide(into, intoAt + place, from, fromAt + place)
    add(into, intoAt + PRICED_MS, get(from, fromAt + PRICED_MS))
  },
  read: (slots, at) => {
    const pricedMs = get(slots, at + PRICED_MS)
    if (pricedMs === 0) return SUMS.map(() => undefined).concat(undefined)
    const unit = BigInt(pricedMs) * BigInt(MILLION)
    const bid = wideOf(slots, at + BID_5C)
    const ask = wideOf(slots, at + ASK_5C)
    const imbalance = bid + ask === 0n ? undefined : ratioText(bid - ask, bid + ask)
    return [...SUMS.map((place) => ratioText(wideOf(slots, at + place), unit)), imbalance]
  },
}
