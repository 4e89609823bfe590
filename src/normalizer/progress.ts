import type { GapReason } from '../domain/frame.ts'

/**
 * `waiting`: no book yet. `following`: the book is there and every frame of its connection was applied.
 * `gap`: frames were lost, or may have been; the next whole book ends it.
 */
export type OutcomeStatus = 'waiting' | 'following' | 'gap'

export type OutcomeProgress = {
  sequence: number
  capturedTimeMs: number
  status: OutcomeStatus
  gapSequence: number | undefined
  gapReason: GapReason | undefined
}

/** Where the tape of a market stands: what a restart must continue even if the stream itself is gone. */
export type MarketProgress = {
  epoch: string
  ordinal: number
  subscription: 'active' | 'paused' | 'stopped'
  outcomes: OutcomeProgress[]
}

export const NO_PROGRESS: MarketProgress = { epoch: '', ordinal: 0, subscription: 'active', outcomes: [] }
