import type { Condition } from './rule.ts'

/** An alert of the heartbeats concerns the market: see `fireOfMarkets`. */
export const feedStale: Condition = { threshold: undefined, takes: [], toWatch: () => ({ type: 'market' }) }
