import type { MarketState } from './market.ts'

/** What the normalizer sees of a market; sent to its workflow on a change of state, never per tick. */
export type Observation = {
  marketId: string
  state: MarketState
  /** Levels a side that it writes; 0 = all. */
  depth: number
  /** Sum of the sequences of its outcomes: how many row-writing events there were. */
  sequence: number
  atTimeMs: number
  /** Epoch of the connection the books follow; empty before the first frame. */
  feedEpoch: string
  /** Absent where only the hot cache was asked. */
  book?: ObservedBook | undefined
}

/** Best prices of the first outcome (an absent side is an empty text), and what is known of all its books. */
export type ObservedBook = { bidPrice: string; askPrice: string; gapsOpen: number; outcomesProved: number }

/** What is news to a market's workflow when it changes. */
export const newsOf = ({ state, depth }: Pick<Observation, 'state' | 'depth'>): string => `${state} ${depth}`
/** In place of the last news: the workflow is about to be started, and will be given what was observed. */
export const BEING_STARTED = 'being started'
