import type { Pool } from 'pg'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { readHorizon, readRuleChanges } from '../store/alert-rules.ts'

/** A new rule is found within this time. */
const LOOK_EVERY_MS = 1_000

type Changes = Awaited<ReturnType<typeof readRuleChanges>>

/** Looks for rules that users changed. Asking works through any pooler of connections, which LISTEN does not. */
export const createRuleChanges = ({ pool, stats, log }: { pool: Pool; stats: Stats; log: Logger }) => {
  let horizon: string | undefined
  let lookedTimeMs = 0
  let isLooking = false
  let found: Changes | undefined

  /** The next horizon is read first: what is written meanwhile is read again. */
  const look = async (): Promise<void> => {
    const next = await readHorizon(pool)
    if (horizon !== undefined) found = await readRuleChanges(pool, horizon)
    horizon = next
  }

  return {
    /** Before rules are read for the first time: what changes from here on is found. */
    begin: async (): Promise<void> => {
      horizon ??= await readHorizon(pool)
    },

    /** Begins a look where one is due; never waits. */
    lookAgain: (nowMs: number): void => {
      if (isLooking || found !== undefined || nowMs - lookedTimeMs < LOOK_EVERY_MS) return
      isLooking = true
      lookedTimeMs = nowMs
      look()
        .catch((error: unknown) => {
          stats.count('alertLooksFailed')
          log.warn({ error }, 'changed alert rules could not be read; those that are known go on')
        })
        .finally(() => (isLooking = false))
    },

    /** What the last look found, once. */
    take: (): Changes => {
      const taken = found ?? { written: [], removedIds: [] }
      found = undefined
      return taken
    },
  }
}
