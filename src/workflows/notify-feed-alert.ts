import { isCancellation } from '@temporalio/workflow'
import { z } from './zod.ts'
import { notices, webhooks } from './activity-options.ts'
import { parseInput } from './input.ts'

const schema = z.strictObject({
  alertId: z.string(),
  state: z.enum(['raised', 'paged', 'recovered']),
  kind: z.string(),
  subject: z.string(),
  reason: z.string(),
  detail: z.string(),
  raisedAt: z.string(),
  recoveredAt: z.string().nullable(),
  markets: z.number(),
  lastStep: z.string().nullable(),
})

/** Delivers one notice of an alert: to the log and the figures at once, to the webhook for as long as a day. */
export async function notifyFeedAlert(
  input: z.infer<typeof schema>,
): Promise<{ outcome: 'logged' | 'delivered' | 'given_up' }> {
  const notice = parseInput(schema, input)
  const { isDone } = await notices.announceNotice(notice)
  if (isDone) return { outcome: 'logged' }
  try {
    await webhooks.deliverNotice(notice)
    return { outcome: 'delivered' }
  } catch (error) {
    if (isCancellation(error)) throw error
    await notices.giveUpNotice(notice)
    return { outcome: 'given_up' }
  }
}
