import { continueAsNew, defineQuery, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow'
import { outcomeIdOf } from '../domain/market.ts'
import { imports, market as catalogue } from './activity-options.ts'
import { begunPrices, importDetails, type PricesProgress } from './import-progress.ts'
import { parseInput, refuse } from './input.ts'
import { z } from './zod.ts'

const instant = z.iso.datetime({ offset: true })
const schema = z
  .strictObject({
    market: z.string().min(1).max(500),
    /** Absent: since the venue has prices of it. */
    from: instant.optional(),
    to: instant.optional(),
    /** Minutes between two prices. */
    fidelity: z.number().int().min(1).max(1_440).default(1),
    /** Of the run before this one. */
    progress: z.custom<PricesProgress>().optional(),
    at: z.number().optional(),
  })
  .refine(
    ({ from, to }) => from === undefined || to === undefined || Date.parse(from) <= Date.parse(to),
    'expected from before to',
  )
type ImportInput = z.input<typeof schema>

const progressQuery = defineQuery<PricesProgress>('progress')

/**
 * Keeps the prices that the venue tells of a market's past, outcome by outcome, for the time that was neither recorded nor
 * imported. The place stands here: a worker that dies costs one slice, which is read again.
 */
export async function importPrices(input: ImportInput): Promise<PricesProgress> {
  const given = parseInput(schema, input)
  const { from, fidelity } = given
  const to = given.to ?? new Date().toISOString()
  let progress = given.progress ?? begunPrices(given.market, to)
  let { at } = given
  setHandler(progressQuery, () => progress, { description: 'Market, outcome, prices so far, how far it is' })
  const show = (): void => setCurrentDetails(importDetails(progress))

  if (given.progress === undefined) {
    show()
    const { marketId, slug, tokens } = await catalogue.loadMarket({ marketId: given.market }).catch(refuse)
    progress = { ...progress, marketId, slug, tokens }
  }
  const span = { importId: workflowInfo().firstExecutionRunId, fidelity, toTimeMs: Date.parse(to) }
  for (;;) {
    show()
    const { marketId, tokens, outcome } = progress
    const token = tokens[outcome]
    if (token === undefined) break
    at ??= from === undefined ? (await imports.findPrices({ token }).catch(refuse)).beginsTimeMs : Date.parse(from)
    if (at !== undefined && at < span.toTimeMs) {
      const one = { ...span, marketId, outcomeId: outcomeIdOf(marketId, outcome), token, fromTimeMs: at }
      const slice = await imports.importPricesSlice(one).catch(refuse)
      const reached = new Date(slice.at ?? span.toTimeMs).toISOString()
      const { written } = slice
      progress = { ...progress, read: progress.read + slice.read, refused: progress.refused + slice.refused, written, reached } // prettier-ignore
      at = slice.at
    } else at = undefined
    if (at === undefined) progress = { ...progress, outcome: outcome + 1 }
    if (workflowInfo().continueAsNewSuggested) {
      const next = { market: given.market, ...(from === undefined ? {} : { from }), to, fidelity, progress }
      await continueAsNew<typeof importPrices>({ ...next, ...(at === undefined ? {} : { at }) })
    }
  }
  progress = { ...progress, state: 'done' }
  show()
  return progress
}
