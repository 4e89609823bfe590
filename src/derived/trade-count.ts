import type { Metric } from './metric.ts'
import { add, addSums, get } from './slots.ts'

/** How many trades, of both outcomes. */
export const tradeCount: Metric = {
  name: 'trade_count',
  types: ['trade_count'],
  width: 1,
  trade: (slots, at) => add(slots, at, 1),
  merge: (into, intoAt, from, fromAt) => addSums(into, intoAt, from, fromAt, 1),
  read: (slots, at) => [String(get(slots, at))],
}
