import { continueAsNew, defineQuery, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow'
import type { WalkPlace } from '../feed/trades/walk.ts'
import { backfill, market as catalogue } from './activity-options.ts'
import { backfillDetails, begunProgress, type BackfillProgress } from './backfill-progress.ts'
import { parseInput, refuse } from './input.ts'
import { z } from './zod.ts'

const instant = z.iso.datetime({ offset: true })
const schema = z
  .strictObject({
    market: z.string().min(1).max(500),
    from: instant,
    to: instant.optional(),
    /** Of the run before this one. */
    progress: z.custom<BackfillProgress>().optional(),
    at: z.custom<WalkPlace>().optional(),
  })
  .refine(({ from, to }) => to === undefined || Date.parse(from) <= Date.parse(to), 'expected from before to')
type BackfillInput = z.infer<typeof schema>

const progressQuery = defineQuery<BackfillProgress>('progress')

/**
 * Reads the fills of a market from now back to `from`, slice by slice, through the same stream as the poller's. The place in
 * the venue's list stands here: a worker that dies costs the pages of one slice, which are read again.
 */
export async function backfillTrades(input: BackfillInput): Promise<BackfillProgress> {
  const given = parseInput(schema, input)
  const to = given.to ?? new Date().toISOString()
  let progress = given.progress ?? begunProgress({ ...given, to })
  let { at } = given
  setHandler(progressQuery, () => progress, { description: 'Market, span, pages and fills so far, how far back it is' })
  const show = (): void => setCurrentDetails(backfillDetails(progress))

  if (given.progress === undefined) {
    show()
    const { marketId, slug, conditionId } = await catalogue.loadMarket({ marketId: given.market }).catch(refuse)
    progress = { ...progress, marketId, slug, conditionId }
  }
  const span = { fromTimeMs: Date.parse(progress.from), toTimeMs: Date.parse(progress.to) }
  while (progress.state === 'running') {
    show()
    const slice = { conditionId: progress.conditionId, ...span, ...(at === undefined ? {} : { at }) }
    const { pages, fills, reachedTimeMs, isCut, at: next } = await backfill.backfillSlice(slice).catch(refuse)
    const reached = reachedTimeMs === undefined ? {} : { reached: new Date(reachedTimeMs).toISOString() }
    const state = next === undefined ? 'done' : 'running'
    progress = { ...progress, ...reached, state, pages: progress.pages + pages, fills: progress.fills + fills, isCut }
    at = next
    if (at !== undefined && workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof backfillTrades>({ market: given.market, from: given.from, to, progress, at })
    }
  }
  show()
  return progress
}
