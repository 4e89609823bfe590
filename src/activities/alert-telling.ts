import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import type { Stats } from '../lib/stats.ts'
import { markTold, readUntold, type Untold } from '../store/feed-alert-markets.ts'

/** The signal `feedAlert` of a market's workflow. */
export type FeedAlertSignal = { alertId: string; state: 'raised' | 'recovered'; reason: string; atTimeMs: number }

export type TellingDeps = {
  pool: Pool
  /** False where the market has no running workflow. */
  signal: (marketId: string, alert: FeedAlertSignal) => Promise<boolean>
  stats: Stats
}

/** 100 signals a second; what is left after 8 s is the next check's, which is due by then. */
const SIGNALS_A_ROUND = 20
const ROUND_MS = 200
const ROUNDS = 40

export type TellingActivities = ReturnType<typeof createTellingActivities>

export const createTellingActivities = ({ pool, signal, stats }: TellingDeps) => {
  const tell = async ({ marketId, alertId, state, reason, atTimeMs }: Untold): Promise<void> => {
    const isThere = await signal(marketId, { alertId, state, reason, atTimeMs })
    stats.count(isThere ? 'alertSignals' : 'alertSignalsDropped')
  }
  /** Those that were reached are noted, also where others were not. */
  const tellRound = async (untold: Untold[]): Promise<void> => {
    const outcomes = await Promise.allSettled(untold.map(tell))
    await markTold(
      pool,
      untold.filter((_, at) => outcomes[at]?.status === 'fulfilled'),
    )
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
  return {
    /** Tells the workflows of markets which alerts concern them, and that they are over: each once, in that order. */
    tellMarkets: async (): Promise<{ told: number }> => {
      let told = 0
      for (let round = 0; round < ROUNDS; round++) {
        const untold = await readUntold(pool, SIGNALS_A_ROUND)
        if (untold.length === 0) break
        await Promise.all([tellRound(untold), sleep(ROUND_MS)])
        told += untold.length
      }
      return { told }
    },
  }
}
