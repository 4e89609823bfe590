import { MILLION } from '../domain/decimal.ts'
import type { Metric } from './metric.ts'
import { ratioText } from './ratio.ts'
import { add, addSums, get } from './slots.ts'

const WEIGHTED = 0
const PRICED_MS = 1

/** Time-weighted mean of ask - bid. Its sum over a day stays below 2^53. */
export const spread: Metric = {
  name: 'spread',
  types: ['spread'],
  width: 2,
  hold: (slots, at, state, ms) => {
    if (state.mid === 0) return
    add(slots, at + WEIGHTED, state.spread * ms)
    add(slots, at + PRICED_MS, ms)
  },
  merge: (into, intoAt, from, fromAt) => addSums(into, intoAt, from, fromAt, 2),
  read: (slots, at) => {
    const pricedMs = get(slots, at + PRICED_MS)
    if (pricedMs === 0) return [undefined]
    return [ratioText(BigInt(get(slots, at + WEIGHTED)), BigInt(pricedMs) * BigInt(MILLION))]
  },
}
