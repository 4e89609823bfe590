import type { DataActivity } from '../domain/trade.ts'
import type { TradeOrigin } from './trade-row.ts'

/** What a wallet did, as the Data API tells it. `marketId` is looked up when it is committed. */
export type ActivityRow = {
  activity: DataActivity
  capturedTimeMs: number
  origin: TradeOrigin
  marketId: string | undefined
}
