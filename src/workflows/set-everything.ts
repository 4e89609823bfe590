import { setCurrentDetails } from '@temporalio/workflow'
import type { EverythingAnswer } from '../activities/everything.ts'
import { everything } from './activity-options.ts'
import { parseInput, refuse } from './input.ts'
import { z } from './zod.ts'

const schema = z.strictObject({ state: z.enum(['active', 'paused']) })

/**
 * Pauses every market, or lets all go on, with one switch that the feeds obey: thousands of signals would take a minute.
 * Ends once every feed has confirmed it. A market that was paused by hand stays so.
 */
export async function setEverything(input: z.input<typeof schema>): Promise<EverythingAnswer> {
  const { state } = parseInput(schema, input)
  const turn = await everything.turnEverything({ state })
  setCurrentDetails(`The switch over every market is **${state}**; the feeds are asked to confirm it`)
  const answer = await everything.confirmEverything(turn).catch(refuse)
  setCurrentDetails(
    `The switch over every market is **${state}**: ${answer.markets} markets in ${answer.effectiveMs} ms`,
  )
  return answer
}
