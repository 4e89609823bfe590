import type { Condition } from './rule.ts'

/** The market is resolved, by the broadcast or by the catalogue: see `fireOfMarkets`. Fires once. */
export const resolved: Condition = { threshold: undefined, takes: [], toWatch: () => ({ type: 'market' }) }
