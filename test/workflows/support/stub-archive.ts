import type { ArchiveActivities, ArchiveStep } from '../../../src/activities/archive.ts'
import type { DropVerdict, Verdict } from '../../../src/activities/archive-steps.ts'
import type { RestoreActivities } from '../../../src/activities/archive-restore.ts'

export type ArchiveStubs = {
  /** What is to be done, asked one after the other; then nothing. */
  plans: ArchiveStep[][]
  /** Of proofs and drops, one after the other; then all are done. */
  verdicts: Verdict[]
  /** Of drops, before those. */
  drops: DropVerdict[]
  activities: ArchiveActivities & RestoreActivities
}

export const createArchiveStubs = (note: (activity: string, input: object) => void): ArchiveStubs => {
  const judge = (): Verdict => stubs.verdicts.shift() ?? { type: 'done' }
  const stubs: ArchiveStubs = {
    plans: [],
    verdicts: [],
    drops: [],
    activities: {
      planArchive: async (input) => {
        note('planArchive', input)
        return stubs.plans.shift() ?? []
      },
      sealRows: async (name) => {
        note('sealRows', name)
        return name.part === 0 ? '2026-11-26 18:00:00+00' : null
      },
      writePart: async (input) => {
        note('writePart', input)
        const { table, day, part } = input.name
        return { key: `table=${table}/date=${day}/part-${part}.parquet`, bytes: 9, sha256: 'ab' }
      },
      provePart: async (input) => {
        note('provePart', input)
        return judge()
      },
      dropPart: async (name) => {
        note('dropPart', name)
        return stubs.drops.shift() ?? judge()
      },
      raiseArchiveAlert: async (trouble) => note('raiseArchiveAlert', trouble),
      endArchiveAlert: async (name) => note('endArchiveAlert', name),
      restoreDay: async (day) => {
        note('restoreDay', day)
        return { rows: 5, parts: 2 }
      },
    },
  }
  return stubs
}
