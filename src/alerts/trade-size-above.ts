import { SHARES, type Condition } from './rule.ts'

/** A trade of more shares than the threshold. Each is a crossing of its own; cooldown is what makes them fewer. */
export const tradeSizeAbove: Condition = {
  threshold: SHARES,
  takes: [],
  toWatch: ({ threshold }) => ({ type: 'trade', level: threshold }),
}
