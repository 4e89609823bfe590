import type { DataTrade } from '../domain/trade.ts'
import type { DeadLetter } from './batch.ts'

/** What is to be noted where a trade's token is no outcome: a dead letter, or that one stays what it was. */
export type TradeOrigin = { type: 'frame'; letter: DeadLetter } | { type: 'dead_letter'; deadLetterId: number }

/** A fill of the Data API. `marketId` is looked up when it is committed. */
export type TradeRow = { trade: DataTrade; capturedTimeMs: number; origin: TradeOrigin; marketId: string | undefined }
