import type { Pool } from 'pg'
import type { Plan } from '../heartbeats/episodes.ts'
import type { Problem } from '../heartbeats/silence.ts'
import { recordCheck } from '../store/feed-alerts.ts'
import type { PartName } from '../store/archives.ts'

export type Trouble = PartName & { detail: string }

const subjectOf = ({ table, day, part }: PartName): string => `archive:${table}:${day}:${part}`

const toProblem = (trouble: Trouble): Problem => ({
  kind: 'archive',
  subject: subjectOf(trouble),
  reason: 'archive_failed',
  detail: trouble.detail,
  epoch: '',
  concerned: { type: 'nobody' },
})

const NOTHING: Plan = { raised: [], kept: [], recovered: [] }

/** Told at once; a page where a later run fails too. People hear of it within the 15 s of the next check of heartbeats. */
export const raiseTrouble = async (pool: Pool, trouble: Trouble): Promise<void> => {
  const problem = toProblem(trouble)
  await recordCheck(pool, {
    kinds: ['archive'],
    plan: (open) => {
      const before = open.find(({ subject }) => subject === problem.subject)
      if (before === undefined) return { ...NOTHING, raised: [{ problem, step: undefined }] }
      return { ...NOTHING, kept: [{ alertId: before.alertId, problem, step: 'page' }] }
    },
    marketsOf: new Map(),
  })
}

export const endTrouble = async (pool: Pool, name: PartName): Promise<void> => {
  await recordCheck(pool, {
    kinds: ['archive'],
    plan: (open) => ({ ...NOTHING, recovered: open.filter(({ subject }) => subject === subjectOf(name)) }),
    marketsOf: new Map(),
  })
}
