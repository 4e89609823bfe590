import type { Pool } from 'pg'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { markRules, type Mark } from '../store/alert-rules.ts'

const MARK_EVERY_MS = 1_000

/** Says in the rows of rules what was found of them: again and again until Postgres has it, or it is news no more. */
export const createRuleMarks = ({ pool, stats, log }: { pool: Pool; stats: Stats; log: Logger }) => {
  const owed = new Map<string, Mark>()
  let markedTimeMs = 0
  let isMarking = false

  const markAll = async (): Promise<void> => {
    const marks = [...owed.values()]
    const marked = new Set(await markRules(pool, marks))
    for (const mark of marks) if (marked.has(mark.alertId) && owed.get(mark.alertId) === mark) owed.delete(mark.alertId)
  }

  return {
    /** With the next call of `markAgain`. */
    add: (marks: Mark[]): void => {
      stats.count('alertRulesInvalid', marks.filter(({ reason }) => reason !== undefined).length)
      for (const mark of marks) owed.set(mark.alertId, mark)
      if (marks.length > 0) markedTimeMs = 0
    },

    /** The rule is gone, or others evaluate it. */
    drop: (alertId: string): void => void owed.delete(alertId),

    /** Begins to mark what is owed; never waits. */
    markAgain: (nowMs: number): void => {
      if (isMarking || owed.size === 0 || nowMs - markedTimeMs < MARK_EVERY_MS) return
      isMarking = true
      markedTimeMs = nowMs
      markAll()
        .catch((error: unknown) => {
          stats.count('alertMarksFailed')
          log.warn({ error }, 'rules could not be marked as taken up; trying again')
        })
        .finally(() => (isMarking = false))
    },
  }
}
