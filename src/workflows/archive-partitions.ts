import { defineSearchAttributeKey } from '@temporalio/common'
import { ApplicationFailure, isCancellation, setCurrentDetails, workflowInfo } from '@temporalio/workflow'
import { z } from './zod.ts'
import type { ArchiveStep } from '../activities/archive.ts'
import type { Verdict } from '../activities/archive-steps.ts'
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
      const finished = await runStep(step)
      tried.add(keyOf(finished))
      done.push(finished)
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

/** Answers what was done, or in words why it failed, having raised an alert. */
async function runStep(step: ArchiveStep): Promise<ArchiveDone> {
  const { type, ...name } = step
  try {
    const { verdict, ...taken } = await takeStep(step)
    if (verdict.type === 'done') {
      await archiveAlerts.endArchiveAlert(name)
      return { ...name, ...taken, detail: undefined }
    }
    await archiveAlerts.raiseArchiveAlert({ ...name, detail: verdict.detail })
    return { ...name, ...taken, detail: verdict.detail }
  } catch (error) {
    if (isCancellation(error)) throw error
    const detail = reasonOf(error)
    await archiveAlerts.raiseArchiveAlert({ ...name, detail })
    return { ...name, type, detail }
  }
}

/** A part whose object is found to be another than was proved is written instead of dropped: a later run drops it. */
async function takeStep({ type, ...name }: ArchiveStep): Promise<{ type: ArchiveStep['type']; verdict: Verdict }> {
  if (type === 'drop') {
    const verdict = await archive.dropPart(name)
    if (verdict.type !== 'forgotten') return { type, verdict }
  }
  return { type: 'write', verdict: await writeAndProve(name) }
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
