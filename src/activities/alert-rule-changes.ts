import type { Pool } from 'pg'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { readHorizon, readRuleChanges } from '../store/alert-rules.ts'

/** A new rule is found within this time. */
const LOOK_EVERY_MS = 1_000
/** Some 30 µs each: ten thousand that a user changes at once would hold up every market of the shard, and are taken within 3 s. */
const RULES_A_TURN = 1_000
const TURN_EVERY_MS = 250

type Changes = Awaited<ReturnType<typeof readRuleChanges>>

const NONE: Changes = { written: [], removedIds: [] }

/** Looks for rules that users changed. Asking works through any pooler of connections, which LISTEN does not. */
export const createRuleChanges = ({ pool, stats, log }: { pool: Pool; stats: Stats; log: Logger }) => {
  let horizon: string | undefined
  let lookedTimeMs = 0
  let isLooking = false
  let found: Changes | undefined
  let restsUntilMs = 0

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

    /** What the last look found, each once and some at a time; those that were deleted with the last of them. */
    take: (nowMs: number): Changes => {
      if (found === undefined || nowMs < restsUntilMs) return NONE
      const { written, removedIds } = found
      const left = written.slice(RULES_A_TURN)
      if (left.length > 0) restsUntilMs = nowMs + TURN_EVERY_MS
      found = left.length === 0 ? undefined : { written: left, removedIds }
      return left.length === 0 ? { written, removedIds } : { written: written.slice(0, RULES_A_TURN), removedIds: [] }
    },
  }
}
