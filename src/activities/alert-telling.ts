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
  /** Notes those that were reached; answers the markets that were not. */
  const tellRound = async (untold: Untold[]): Promise<string[]> => {
    const outcomes = await Promise.allSettled(untold.map(tell))
    const isReached = (at: number): boolean => outcomes[at]?.status === 'fulfilled'
    await markTold(
      pool,
      untold.filter((_, at) => isReached(at)),
    )
    const failed = untold.filter((_, at) => !isReached(at))
    if (failed.length > 0) stats.count('alertSignalsFailed', failed.length)
    return failed.map(({ marketId }) => marketId)
  }
  return {
    /**
     * Tells the workflows of markets which alerts concern them, and that they are over: each once, in that order. One that
     * cannot be reached is left to the next check, and holds up no other.
     */
    tellMarkets: async (): Promise<{ told: number }> => {
      const deadlineMs = Date.now() + ROUNDS * ROUND_MS
      const unreached: string[] = []
      let told = 0
      for (let round = 0; round < ROUNDS && Date.now() < deadlineMs; round++) {
        const untold = await readUntold(pool, SIGNALS_A_ROUND, unreached)
        if (untold.length === 0) break
        const [failed] = await Promise.all([tellRound(untold), sleep(ROUND_MS)])
        unreached.push(...failed)
        told += untold.length - failed.length
      }
      return { told }
    },
  }
}
