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
