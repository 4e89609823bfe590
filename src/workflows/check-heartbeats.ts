import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common'
import { ParentClosePolicy, startChild } from '@temporalio/workflow'
import type { Compared } from '../activities/heartbeats.ts'
import { heartbeats } from './activity-options.ts'
import { notifyFeedAlert } from './notify-feed-alert.ts'

/** Every 15 s: who missed its heartbeats, and what is done about it. People are told by workflows of their own. */
export async function checkHeartbeats(): Promise<{ open: number; notices: number; told: number }> {
  const { open, notices, isTelling } = await heartbeats.compareHeartbeats()
  for (const notice of notices) await notify(notice)
  const { told } = isTelling ? await heartbeats.tellMarkets() : { told: 0 }
  return { open, notices: notices.length, told }
}

/** Its id is that of the notice: however often it is started, it runs once. */
async function notify(notice: Compared['notices'][number]): Promise<void> {
  const { alertId, state, subject, reason } = notice
  try {
    await startChild(notifyFeedAlert, {
      workflowId: `feedAlert:${alertId}:${state}`,
      args: [notice],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      staticSummary: `${subject} ${state}: ${reason}`,
    })
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
  }
}
