import {
  CancellationScope,
  continueAsNew,
  defineQuery,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import type { ImportedSlice } from '../activities/import-pmxt.ts'
import { originRefusal, shownOrigin } from '../domain/import-origin.ts'
import { imports } from './activity-options.ts'
import { begunPmxt, importDetails, type PmxtProgress } from './import-progress.ts'
import { parseInput, refuse } from './input.ts'
import { z } from './zod.ts'

const schema = z.strictObject({
  /** A path that the control worker can read, or an http(s) address. */
  origin: z
    .string()
    .min(1)
    .max(2_000)
    .superRefine((origin, context) => {
      const message = originRefusal(origin)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    }),
  /** Ids of the markets to import; absent: all that the file has and polytape knows. */
  markets: z.array(z.string().min(1).max(30)).min(1).max(1_000).optional(),
  /** Of the run before this one. */
  progress: z.custom<PmxtProgress>().optional(),
  after: z.string().optional(),
})
type ImportInput = z.infer<typeof schema>

const progressQuery = defineQuery<PmxtProgress>('progress')
const iso = (timeMs: number): string => new Date(timeMs).toISOString()

/**
 * Fills what was not recorded of the hour of a file, market by market. The place stands here, and in Postgres what was
 * filled: a worker that dies costs the markets of one slice, which are looked at again.
 */
export async function importPmxt(input: ImportInput): Promise<PmxtProgress> {
  const { origin, markets, after: begun, progress: before } = parseInput(schema, input)
  let progress = before ?? begunPmxt(shownOrigin(origin))
  let after: string | undefined = begun ?? ''
  setHandler(progressQuery, () => progress, { description: 'File, its hour, rows and markets so far' })
  const show = (): void => setCurrentDetails(importDetails(progress))
  const given = { origin, importId: workflowInfo().firstExecutionRunId, ...(markets === undefined ? {} : { markets }) }
  const forget = () => CancellationScope.nonCancellable(() => imports.forgetPmxt(given))

  try {
    show()
    if (before === undefined) {
      const { version, rows, staged, markets: count, ...span } = await imports.stagePmxt(given)
      const [from, to] = [iso(span.fromTimeMs), iso(span.toTimeMs)]
      progress = { ...progress, version, rows, staged, markets: count, from, to }
    }
    while (after !== undefined && !workflowInfo().continueAsNewSuggested) {
      show()
      const slice: ImportedSlice = await imports.importPmxtSlice({ ...given, after })
      progress = {
        ...progress,
        read: progress.read + slice.read,
        refused: progress.refused + slice.refused,
        written: slice.written,
        marketsDone: progress.marketsDone + slice.markets,
      }
      after = slice.after
    }
  } catch (error) {
    await forget()
    return refuse(error)
  }
  if (after !== undefined) return continueAsNew<typeof importPmxt>({ origin, ...(markets === undefined ? {} : { markets }), progress, after }) // prettier-ignore
  await forget()
  progress = { ...progress, state: 'done' }
  show()
  return progress
}
