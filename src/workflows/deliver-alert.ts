import { isCancellation } from '@temporalio/workflow'
import { z } from './zod.ts'
import { alerts } from './activity-options.ts'
import { parseInput } from './input.ts'

const schema = z.strictObject({ eventId: z.string() })

/** Delivers one crossing of an alert rule to its webhook, for as long as an hour: later it would mislead. */
export async function deliverAlert(input: z.infer<typeof schema>): Promise<{ outcome: 'delivered' | 'given_up' }> {
  const { eventId } = parseInput(schema, input)
  try {
    await alerts.postAlert({ eventId })
    return { outcome: 'delivered' }
  } catch (error) {
    if (isCancellation(error)) throw error
    await alerts.giveUpAlert({ eventId })
    return { outcome: 'given_up' }
  }
}
