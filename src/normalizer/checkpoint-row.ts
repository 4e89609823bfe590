import type { HashInputs } from '../domain/book.ts'
import type { GapReason } from '../domain/frame.ts'
import type { MarketProgress, OutcomeStatus, ShedProgress } from '../domain/progress.ts'
import type { OlderOrdinals } from './older-connections.ts'
import type { TradeCounts } from './trade-ordinals.ts'
import type { VerificationState } from './verification.ts'

/**
 * What re-applying the stream needs besides the book itself. `recent` is [side, price, size, venue time ms, hash,
 * best bid, best ask].
 */
export type CheckpointResume = {
  subscription: MarketProgress['subscription']
  receivedTimeMs: number
  status: OutcomeStatus
  gapSequence: number | undefined
  gapReason: GapReason | undefined
  /** Absent where nothing is shed. */
  shed?: ShedProgress | undefined
  snapshotTimeMs: number
  appliedTimeMs: number
  changeTimeMs: number
  /** Absent in checkpoints of before. */
  presentTimeMs?: number
  droppedTimeMs: number
  inputs: HashInputs
  verification: VerificationState
  trades: TradeCounts | undefined
  older: OlderOrdinals | undefined
  recent: [
    side: 'bid' | 'ask',
    price: string,
    size: string,
    exchangeTimeMs: number,
    hash: string,
    bestBid: string,
    bestAsk: string,
  ][]
}

/** A whole book at a position of its stream. Levels are `[price, size]` texts, best first. */
export type CheckpointRow = {
  marketId: string
  outcomeId: string
  sequence: number
  streamId: string
  epoch: string
  ordinal: number
  capturedTimeMs: number
  exchangeTimeMs: number | undefined
  lastTradePrice: string | undefined
  tickSize: string
  /** Levels a side that the rows after it speak of; 0 = all. */
  depth: number
  hash: string | undefined
  bids: [string, string][]
  asks: [string, string][]
  resume: CheckpointResume
}
