import type { DesiredState } from './market.ts'

/** What a market workflow wants of its feed. `generation` rises with every change of the desire. */
export type DesiredSubscription = {
  marketId: string
  conditionId: string
  tokens: string[]
  state: DesiredState
  /** Levels a side to keep; 0 = all. */
  depth: number
  generation: number
}

/**
 * A market on its way from one feed group to another. `arriving`, in the new group: subscribe, and take over once nothing
 * can be missed. `gone`, in the old one: leave without a word, the stream goes on.
 */
export type Passage = { type: 'arriving'; from: number } | { type: 'gone'; to: number }

/** As it stands in the hash of a feed group. */
export type PlacedSubscription = DesiredSubscription & { passage?: Passage }
