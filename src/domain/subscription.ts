import type { DesiredState } from './market.ts'

/** What a market workflow wants of its feed. `generation` rises with every change of the desire. */
export type DesiredSubscription = {
  marketId: string
  conditionId: string
  tokens: string[]
  state: DesiredState
  generation: number
}

/** What the feed reports once the venue has confirmed it (a PONG to a PING sent after the frame). */
export type ConfirmedSubscription = { generation: number; state: DesiredState; confirmedTimeMs: number }
