import { defineSearchAttributeKey } from '@temporalio/common'
import { ApplicationFailure, isCancellation, setCurrentDetails, workflowInfo } from '@temporalio/workflow'
import { z } from './zod.ts'
import type { ArchiveStep } from '../activities/archive.ts'
import { archive, archiveAlerts } from './activity-options.ts'
import { archiveDetails, type ArchiveDone } from './archive-details.ts'
import { DAY_EXPECTED, isDay, parseInput, reasonOf } from './input.ts'

const schema = z.strictObject({ day: z.string().refine(isDay, DAY_EXPECTED) }).optional()
type ArchiveInput = z.infer<typeof schema>

/** What a run is scheduled for, which a backfill sets: it, and not the clock, says how far to go. */
const NOMINAL_TIME = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME')
/** A backlog is worked off over several runs: histories stay small. */
const MOST_STEPS = 200

/**
 * Daily. Archives each partition up to the day that is ARCHIVE_AFTER_DAYS before its nominal time, and drops what is proved and
 * whose time of grace is over; with an input only the day that it names. A day that fails hinders no other: the run fails
 * once all were tried, which pauses the schedule.
 */
export async function archivePartitions(input?: ArchiveInput): Promise<{ done: ArchiveDone[] }> {
  const given = parseInput(schema, input)
  const { typedSearchAttributes, startTime } = workflowInfo()
  const at = (typedSearchAttributes.get(NOMINAL_TIME) ?? startTime).toISOString()
  const done: ArchiveDone[] = []
  const tried = new Set<string>()
  const untried = (step: ArchiveStep): boolean => !tried.has(keyOf(step))

  while (done.length < MOST_STEPS) {
    const steps = (await archive.planArchive({ at, day: given?.day })).filter(untried)
    if (steps.length === 0) break
    for (const step of steps) {
      tried.add(keyOf(step))
      setCurrentDetails(archiveDetails({ at, done, now: step }))
      const detail = await runStep(step)
      done.push({ ...step, detail })
    }
  }
  setCurrentDetails(archiveDetails({ at, done, now: undefined }))
  const failed = done.filter(({ detail }) => detail !== undefined)
  if (failed.length === 0) return { done }
  const text = failed
    .map(({ type, table, day, part, detail }) => `${type} ${table} ${day} ${part}: ${detail}`)
    .join('; ')
  throw ApplicationFailure.nonRetryable(`nothing was dropped of ${text}`, 'ArchiveFailed')
}

function keyOf({ type, table, day, part }: ArchiveStep): string {
  return `${type} ${table} ${day} ${part}`
}

/** Answers in words why it failed, having raised an alert; undefined where it is done. */
async function runStep({ type, ...name }: ArchiveStep): Promise<string | undefined> {
  try {
    const verdict = type === 'write' ? await writeAndProve(name) : await archive.dropPart(name)
    if (verdict.type === 'done') {
      await archiveAlerts.endArchiveAlert(name)
      return undefined
    }
    await archiveAlerts.raiseArchiveAlert({ ...name, detail: verdict.detail })
    return verdict.detail
  } catch (error) {
    if (isCancellation(error)) throw error
    const detail = reasonOf(error)
    await archiveAlerts.raiseArchiveAlert({ ...name, detail })
    return detail
  }
}

/** What differs is written anew once: a bit that flipped on the way is no reason to wake anybody. */
async function writeAndProve(name: Omit<ArchiveStep, 'type'>): ReturnType<typeof archive.provePart> {
  const sealedAt = await archive.sealRows(name)
  const written = await archive.writePart({ name, sealedAt, isAnew: false })
  const verdict = await archive.provePart({ name, written, sealedAt })
  if (verdict.type === 'done') return verdict
  const again = await archive.writePart({ name, sealedAt, isAnew: true })
  return archive.provePart({ name, written: again, sealedAt })
}
